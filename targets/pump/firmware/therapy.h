/* What the pump delivers: programme, confirmation, states, delivery. */
#ifndef THERAPY_H
#define THERAPY_H

#include <stdint.h>

enum therapy {
    THERAPY_SELF_TEST, THERAPY_IDLE, THERAPY_INFUSING, THERAPY_BOLUS, THERAPY_PAUSED, THERAPY_KVO, THERAPY_ALARM,
};

#define PENDING_RATE 1u
#define PENDING_VOLUME 2u
#define PENDING_ORDER 4u /* rate and volume of a network order, instead of the others */

extern uint8_t therapy_state, pending;
extern uint8_t pending_drug, confirmed_drug;
extern uint32_t pending_rate_ul_h, pending_volume_ul, pending_limit_ul_h;
extern uint32_t confirmed_rate_ul_h, confirmed_volume_ul, hard_limit_ul_h, bolus_limit_ul;
extern uint32_t infused_ul, volume_last_hour_ul, motor_rate_ul_h;
extern uint32_t programme_changes;

/* 1 when `rate` (ul/h) of `drug` is within the pump's range and the drug's hard limit. */
int therapy_rate_allowed(uint32_t drug, uint32_t rate);
void therapy_propose_rate(uint32_t drug, uint32_t rate);
void therapy_propose_volume(uint32_t volume);
void therapy_cancel_pending(void);
/* The confirm key: what is pending takes effect; a paused programme resumes. */
void therapy_confirm(void);
int therapy_start(void);
/* Pauses; from paused and KVO ends. 0 when there is nothing to stop. */
int therapy_stop(void);
void therapy_clear_programme(void);
/* Delivery off on an alarm, and the way out of it. */
void therapy_halt(void);
void therapy_recover(void);
void therapy_self_test(void);
void therapy_task(void);

#endif
