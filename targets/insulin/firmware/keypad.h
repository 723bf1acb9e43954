/* The keys and what they do. */
#ifndef KEYPAD_H
#define KEYPAD_H

void keypad_init(void);
void keypad_task(void);

#endif
