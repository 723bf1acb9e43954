/* The keys and what they do. */
#ifndef KEYPAD_H
#define KEYPAD_H

#include <stdint.h>

extern uint32_t keypad_confirm_count;

void keypad_init(void);
/* 1 while a key waits to be handled. */
int keypad_waiting(void);
void keypad_task(void);

#endif
