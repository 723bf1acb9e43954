/* The motor and what it has delivered. */
#ifndef DELIVERY_H
#define DELIVERY_H

#include <stdint.h>

/* What the motor is driven at, and the part of it that is basal; mU/h. */
extern uint32_t motor_rate_mu_h, basal_rate_mu_h;
/* Since the start; mU. */
extern uint32_t basal_delivered_mu, bolus_delivered_mu;

/* Sets the motor to what state, basal rate and boluses ask for. */
void delivery_apply(void);
/* mU that a rate gives in a time; `rest` carries what is less than one. */
uint32_t delivery_volume(uint32_t rate_mu_h, uint32_t passed_ms, uint32_t *rest);
/* Counts what was delivered since the last call. */
void delivery_task(void);

#endif
