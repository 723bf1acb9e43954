/* Notifications and indications: one indication waits for its confirmation, the others in a queue. */
#ifndef INDICATIONS_H
#define INDICATIONS_H

#include <stdint.h>

/* An indication was sent and is not confirmed yet. */
extern volatile uint8_t indication_waiting;
/* Answers of control points handed to the front since the connection began. */
extern uint32_t control_answered;

/* 0 when the peer has not subscribed, or the queue is full. `answer`: to a control point's write. */
int indications_queue(uint16_t attribute, const uint8_t *value, uint32_t length, int answer);
/* 0 when it could not be sent now. */
int notification_send(uint16_t attribute, const uint8_t *value, uint32_t length);
void indications_confirmed(void);
void indications_clear(void);
/* 1 when an answer on this attribute is queued, or sent and not confirmed. */
int indications_pending(uint16_t attribute);
/* 1 when a control point's answer was sent and is not confirmed yet. */
int indications_answer_unconfirmed(void);
void indications_task(void);

#endif
