/* The security event log: who did what when, kept in flash. */
#ifndef LOG_H
#define LOG_H

#include <stdint.h>

#include "text.h"

enum log_event {
    LOG_BOOT = 1, LOG_CONNECTED, LOG_HELLO, LOG_DENIED, LOG_SESSION, LOG_CLOSED, LOG_PIN, LOG_BOND, LOG_SETTINGS,
    LOG_COMMAND, LOG_REFUSED, LOG_ALARM, LOG_UPLOAD, LOG_PATIENT, LOG_DELETED, LOG_CGM, LOG_KEY, LOG_SELF_TEST,
};

void log_load(void);
void log_add(enum log_event event, uint32_t detail);
/* Writes entries from the newest on; returns how many. */
uint32_t log_read(struct text *out, uint32_t count);
void log_task(void);

#endif
