/* The security event log: who did what when, kept in flash. */
#ifndef LOG_H
#define LOG_H

#include <stdint.h>

#include "text.h"

enum log_event {
    LOG_BOOT = 1, LOG_OPEN, LOG_DENIED, LOG_SESSION, LOG_CLOSED, LOG_SETTINGS, LOG_NAME, LOG_CLOCK, LOG_PATIENT,
    LOG_RATE, LOG_VOLUME, LOG_START, LOG_STOP, LOG_BOLUS, LOG_SILENCE, LOG_LIBRARY, LOG_UPDATE, LOG_ALARM,
    LOG_ORDER, LOG_KEY, LOG_REFUSED, LOG_HISTORY, LOG_SOFT_LIMIT, LOG_SELF_TEST,
};

void log_load(void);
void log_add(enum log_event event, uint32_t detail);
/* Writes entries from the newest on, entry `first` first; returns how many. */
uint32_t log_read(struct text *out, uint32_t first, uint32_t count);
void log_task(void);

#endif
