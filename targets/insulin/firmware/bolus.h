/* Boluses: fast and extended, at most three at a time. */
#ifndef BOLUS_H
#define BOLUS_H

#include <stdint.h>

enum bolus_type { BOLUS_FAST = 0x33, BOLUS_EXTENDED = 0x3C };
enum bolus_outcome { BOLUS_ACCEPTED, BOLUS_NOT_RUNNING, BOLUS_TOO_MUCH, BOLUS_TOO_MANY };

struct bolus {
    uint16_t id;
    uint8_t type;
    uint32_t amount_mu, remaining_mu, rate_mu_h, rest;
};

/* Accepted boluses, how much was asked for last, and the configured maximum at that moment. */
extern uint32_t bolus_count, bolus_asked_mu, bolus_maximum_mu;
extern uint32_t bolus_remaining_mu;

/* `minutes` is for an extended bolus. The identifier of an accepted one is `bolus_count`. */
enum bolus_outcome bolus_begin(enum bolus_type type, uint32_t amount_mu, uint32_t minutes, int recommended);
/* 0 when there is no such bolus. */
int bolus_cancel(uint32_t id);
void bolus_cancel_all(void);
const struct bolus *bolus_find(uint32_t id);
/* The identifiers of the active boluses, zeroes left out; returns how many. */
uint32_t bolus_active(uint16_t ids[]);
uint32_t bolus_rate(void);
/* Delivers for a time; returns how much. */
uint32_t bolus_advance(uint32_t passed_ms);

#endif
