/* The glucose service: records, their notification, and the record access control point. */
#ifndef GLUCOSE_H
#define GLUCOSE_H

#include <stdint.h>
#include "att.h"
#include "text.h"

extern uint8_t report_running;

void glucose_provision(void);
void glucose_reset(void);
/* Sends the next record of a report when its time has come. */
void glucose_task(void);
uint64_t glucose_due(void);

void glucose_read_feature(struct text *out);
void glucose_read_cccd(struct text *out);
enum att glucose_write_cccd(const uint8_t *data, uint32_t length);
void racp_read_cccd(struct text *out);
enum att racp_write_cccd(const uint8_t *data, uint32_t length);
enum att racp_write(const uint8_t *data, uint32_t length);

#endif
