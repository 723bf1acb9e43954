/* What all control points share: who may write when, and the one answer that each accepted write gets. */
#ifndef CONTROL_H
#define CONTROL_H

#include <stdint.h>

#include "att.h"
#include "text.h"

/* Writes to control points whose answers are due or given since the connection began. */
extern uint32_t control_accepted;

/* Not subscribed: 0xFD. An answer is still owed or not confirmed: 0xFE. */
enum att control_admit(uint16_t attribute);
void control_accept(void);
void control_answer(uint16_t attribute, const struct text *answer);
void control_restart(void);

#endif
