/* What the pump does: its state, and what commands and keys may change in it. */
#ifndef THERAPY_H
#define THERAPY_H

#include <stdint.h>

enum delivery_state {
    DELIVERY_SELF_TEST, DELIVERY_STOPPED, DELIVERY_RUNNING, DELIVERY_PAUSED, DELIVERY_PRIMING, DELIVERY_ALARM,
};

extern uint8_t delivery_state;
/* Changes that commands made to what is delivered. */
extern uint32_t delivery_changes;
extern uint32_t priming_remaining_mu;

int therapy_run(void);
int therapy_pause(void);
int therapy_stop(void);
int therapy_prime(uint32_t amount_mu);
int therapy_stop_priming(void);
/* Delivery off on an alarm, and the way out of it. */
void therapy_halt(void);
void therapy_recover(void);
/* The stop key. */
void therapy_suspend(void);
void therapy_self_test(void);
void therapy_task(void);

#endif
