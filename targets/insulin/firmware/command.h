/* The command control point of Insulin Delivery: all therapy goes through it. */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdint.h>

#include "att.h"

#define SET_BOLUS 0x114Bu /* an opcode */

/* Commands that were carried out, and that were answered with anything else than success. */
extern uint32_t commands_done, commands_refused;

enum att command_write(const uint8_t *data, uint32_t length);

#endif
