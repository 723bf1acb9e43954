/* End-to-end protection: CRC-16/MCRF4XX of CGM and Insulin Delivery, and the counters of the latter. */
#ifndef E2E_H
#define E2E_H

#include <stdint.h>

#include "att.h"
#include "text.h"

enum e2e_channel { E2E_READER, E2E_COMMAND, E2E_RACP, E2E_VALUES, E2E_CHANNELS };

/* Wrong CRCs seen, values dropped for one, and steps that the counter of the command control point has made. */
extern uint32_t e2e_failures, e2e_dropped, counter_steps;

uint16_t e2e_crc(const uint8_t *data, uint32_t length);
/* 1 when the last two bytes are the CRC of those before. */
int e2e_intact(const uint8_t *data, uint32_t length);
/* Insulin Delivery: checks counter and CRC behind the operand and takes them off `length`. */
enum att e2e_admit(enum e2e_channel channel, const uint8_t *data, uint32_t *length);
/* Appends the CRC over what `out` holds from `start` on. */
void e2e_close(struct text *out, uint32_t start);
/* Appends the next counter and the CRC. */
void e2e_close_counted(enum e2e_channel channel, struct text *out, uint32_t start);
void e2e_restart(void);

#endif
