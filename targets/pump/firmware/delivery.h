/* The motor and what it has delivered. */
#ifndef DELIVERY_H
#define DELIVERY_H

/* Sets the motor to what state, rate and bolus ask for. */
void delivery_apply(void);
/* Counts what was delivered since the last call. */
void delivery_task(void);

#endif
