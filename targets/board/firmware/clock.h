/* Time since start from TIM2: microseconds in 64 bits, milliseconds in 32, and the calendar. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

void clock_init(void);
/* Takes the time; what follows returns the time that was taken last. */
void clock_update(void);
uint64_t clock_us(void);
uint32_t clock_ms(void);
/* Interrupt at `deadline` (us); one deadline at a time. */
void clock_wake_at(uint64_t deadline);
void calendar_set(uint32_t seconds);
uint32_t calendar_seconds(void);
uint64_t calendar_ms(void);

#endif
