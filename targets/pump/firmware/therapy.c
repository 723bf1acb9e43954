/* The programme: proposed over a wire, confirmed at the keypad, run in one of seven states. */
#include "therapy.h"
#include "alarms.h"
#include "bolus.h"
#include "delivery.h"
#include "hl7.h"
#include "library.h"
#include "log.h"
#include "profile.h"
#include "settings.h"

uint8_t therapy_state, pending;
uint8_t pending_drug, confirmed_drug;
uint32_t pending_rate_ul_h, pending_volume_ul, pending_limit_ul_h;
uint32_t confirmed_rate_ul_h, confirmed_volume_ul, hard_limit_ul_h, bolus_limit_ul;
uint32_t programme_changes;
static uint32_t self_test_ticks;

#ifdef FAULT_RATE_LIMIT
int therapy_rate_allowed(uint32_t index, uint32_t rate) {
    const struct drug *drug = library_drug(index);
    if (!drug || rate < RATE_MIN_UL_H) return 0;
    uint32_t dose = rate * drug->concentration;
    return dose <= drug->hard_rate * drug->concentration;
}
#else
int therapy_rate_allowed(uint32_t index, uint32_t rate) {
    const struct drug *drug = library_drug(index);
    return drug && rate >= RATE_MIN_UL_H && rate <= RATE_MAX_UL_H && rate <= drug->hard_rate;
}
#endif

void therapy_propose_rate(uint32_t drug, uint32_t rate) {
    const struct drug *entry = library_drug(drug);
    if (rate > entry->soft_rate) log_add(LOG_SOFT_LIMIT, drug);
    pending_drug = (uint8_t)drug;
    pending_limit_ul_h = entry->hard_rate;
    pending_rate_ul_h = rate;
    pending |= PENDING_RATE;
}

void therapy_propose_volume(uint32_t volume) {
    pending_volume_ul = volume;
    pending |= PENDING_VOLUME;
}

void therapy_cancel_pending(void) { pending = 0; }

void therapy_clear_programme(void) {
    pending = 0;
    confirmed_rate_ul_h = 0;
    confirmed_volume_ul = 0;
    infused_ul = 0;
}

/* Something is left to deliver, and the hour has room for it. */
static int complete(void) {
    return confirmed_rate_ul_h && confirmed_volume_ul > infused_ul && volume_last_hour_ul < HOURLY_MAX_UL;
}

static int take_rate(void) {
    int other_drug = confirmed_rate_ul_h && pending_drug != confirmed_drug;
    confirmed_drug = pending_drug;
    confirmed_rate_ul_h = pending_rate_ul_h;
    hard_limit_ul_h = pending_limit_ul_h;
    bolus_limit_ul = library_drug(confirmed_drug)->bolus_max;
    return other_drug;
}

static void take_volume(void) {
    confirmed_volume_ul = pending_volume_ul;
    infused_ul = 0;
}

static int delivering(void) { return therapy_state == THERAPY_INFUSING || therapy_state == THERAPY_BOLUS; }

void therapy_confirm(void) {
    if (therapy_state == THERAPY_SELF_TEST || therapy_state == THERAPY_ALARM) return;
    int other_drug = 0;
    if (!pending && therapy_state != THERAPY_PAUSED) return;
    if (pending) programme_changes++;
    if (pending & (PENDING_RATE | PENDING_ORDER)) other_drug = take_rate();
    if (pending & (PENDING_VOLUME | PENDING_ORDER)) take_volume();
    if (pending & PENDING_ORDER) hl7_order_confirmed();
    pending = 0;
    if (other_drug && delivering()) {
        therapy_stop();
    } else if (complete() && !delivering()) {
        therapy_state = THERAPY_INFUSING;
        log_add(LOG_START, confirmed_drug);
    }
    delivery_apply();
}

int therapy_start(void) {
    if (therapy_state != THERAPY_PAUSED || !complete()) return 0;
    therapy_state = THERAPY_INFUSING;
    delivery_apply();
    return 1;
}

int therapy_stop(void) {
    if (delivering()) {
        therapy_state = THERAPY_PAUSED;
    } else if (therapy_state == THERAPY_PAUSED || therapy_state == THERAPY_KVO) {
        therapy_state = THERAPY_IDLE;
        therapy_clear_programme();
    } else {
        return 0;
    }
    bolus_cancel();
    delivery_apply();
    log_add(LOG_STOP, therapy_state);
    return 1;
}

void therapy_halt(void) {
    therapy_state = THERAPY_ALARM;
    bolus_cancel();
    delivery_apply();
}

void therapy_recover(void) {
    if (therapy_state != THERAPY_ALARM) return;
    therapy_state = complete() ? THERAPY_PAUSED : THERAPY_IDLE;
}

void therapy_self_test(void) {
    therapy_state = THERAPY_SELF_TEST;
    self_test_ticks = SELF_TEST_TICKS;
    delivery_apply();
}

static void self_test_step(void) {
    if (--self_test_ticks) return;
    therapy_state = THERAPY_IDLE;
    delivery_apply();
    log_add(LOG_SELF_TEST, 0);
}

static void keep_vein_open(enum alarm reason) {
    therapy_state = THERAPY_KVO;
    bolus_cancel();
    delivery_apply();
    alarms_raise(reason);
}

void therapy_task(void) {
    if (therapy_state == THERAPY_SELF_TEST) {
        self_test_step();
        if (therapy_state == THERAPY_SELF_TEST) return;
    }
    alarms_task();
    delivery_task();
    if (delivering() && volume_last_hour_ul >= HOURLY_MAX_UL) keep_vein_open(ALARM_HOURLY);
    if (delivering() && infused_ul >= confirmed_volume_ul) keep_vein_open(ALARM_VOLUME_DONE);
}
