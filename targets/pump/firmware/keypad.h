/* The keys and what they do. */
#ifndef KEYPAD_H
#define KEYPAD_H

#include <stdint.h>

extern uint32_t keypad_confirm_count;

void keypad_init(void);
void keypad_task(void);

#endif
