/* The pump's state: stopped, running, paused, priming, or halted by an alarm. */
#include "therapy.h"
#include "alarms.h"
#include "basal.h"
#include "bolus.h"
#include "delivery.h"
#include "log.h"
#include "profile.h"

uint8_t delivery_state;
uint32_t delivery_changes, priming_remaining_mu;
static uint32_t self_test_ticks;

static void enter(enum delivery_state state) {
    delivery_state = (uint8_t)state;
    if (state != DELIVERY_RUNNING) bolus_cancel_all();
    if (state != DELIVERY_PRIMING) priming_remaining_mu = 0;
    delivery_apply();
}

static int change(enum delivery_state state) {
    delivery_changes++;
    enter(state);
    return 1;
}

int therapy_run(void) {
    if (delivery_state != DELIVERY_STOPPED && delivery_state != DELIVERY_PAUSED) return 0;
    return change(DELIVERY_RUNNING);
}

int therapy_pause(void) {
    if (delivery_state != DELIVERY_RUNNING) return 0;
    return change(DELIVERY_PAUSED);
}

int therapy_stop(void) {
    if (delivery_state != DELIVERY_RUNNING && delivery_state != DELIVERY_PAUSED) return 0;
    temp_basal_end();
    return change(DELIVERY_STOPPED);
}

int therapy_prime(uint32_t amount_mu) {
    if (delivery_state != DELIVERY_STOPPED) return 0;
    change(DELIVERY_PRIMING);
    priming_remaining_mu = amount_mu;
    delivery_apply();
    return 1;
}

int therapy_stop_priming(void) {
    if (delivery_state != DELIVERY_PRIMING) return 0;
    return change(DELIVERY_STOPPED);
}

void therapy_halt(void) {
    if (delivery_state == DELIVERY_ALARM || delivery_state == DELIVERY_SELF_TEST) return;
    enter(DELIVERY_ALARM);
}

void therapy_recover(void) {
    if (delivery_state == DELIVERY_ALARM) enter(DELIVERY_PAUSED);
}

void therapy_suspend(void) {
    if (delivery_state == DELIVERY_RUNNING) enter(DELIVERY_PAUSED);
    if (delivery_state == DELIVERY_PRIMING) enter(DELIVERY_STOPPED);
}

void therapy_self_test(void) {
    delivery_state = DELIVERY_SELF_TEST;
    self_test_ticks = SELF_TEST_TICKS;
}

/* A pump that was restarted goes on with its basal rate: no insulin is worse than the programmed one. */
static void self_test_step(void) {
    if (--self_test_ticks) return;
    enter(DELIVERY_RUNNING);
    log_add(LOG_SELF_TEST, 0);
}

void therapy_task(void) {
    if (delivery_state == DELIVERY_SELF_TEST) self_test_step();
    if (delivery_state == DELIVERY_SELF_TEST) return;
    alarms_task();
    delivery_task();
    if (delivery_state == DELIVERY_PRIMING && priming_remaining_mu == 0) enter(DELIVERY_STOPPED);
}
