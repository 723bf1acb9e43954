/* The history of Insulin Delivery: numbered events, the oldest make room. */
#ifndef HISTORY_H
#define HISTORY_H

#include <stdint.h>

#include "racp.h"

/* Event types of the service. */
enum history_event {
    HISTORY_REFERENCE_TIME = 0x000F, HISTORY_BOLUS = 0x005A, HISTORY_BOLUS_ENDED = 0x0069,
    HISTORY_DAILY_TOTAL = 0x00FF,
};

extern const struct records history_records;

/* Days before the pump was handed over, as the maker's test run left them. */
void history_provision(void);
void history_add(enum history_event type, uint32_t subject, uint32_t amount);

#endif
