/* What all control points share. */
#include "control.h"
#include "board.h"
#include "connection.h"
#include "indications.h"

uint32_t control_accepted;

#ifdef FAULT_REQUEST_LOCK
/* One answer at a time on the link: the next request waits until the last answer is confirmed. */
static void wait_for_confirmation(void) {
    while (indications_answer_unconfirmed()) wait_for_interrupt();
}
#endif

enum att control_admit(uint16_t attribute) {
    if (!connection_subscribed(attribute, SUBSCRIBED_INDICATE)) return ATT_CCCD_IMPROPERLY_CONFIGURED;
    if (indications_pending(attribute)) return ATT_PROCEDURE_IN_PROGRESS;
#ifdef FAULT_REQUEST_LOCK
    wait_for_confirmation();
#endif
    return ATT_OK;
}

void control_accept(void) { control_accepted++; }

/* A peer that has unsubscribed since its write has waived the answer. */
void control_answer(uint16_t attribute, const struct text *answer) {
    if (!indications_queue(attribute, answer->data, answer->length, 1)) control_accepted--;
}

void control_restart(void) { control_accepted = 0; }
