/* The glucose monitor: a sample each interval while a session runs, kept as a record and notified. */
#include "cgm.h"
#include "cgm_alerts.h"
#include "clock.h"
#include "e2e.h"
#include "indications.h"
#include "log.h"
#include "profile.h"
#include "sensors.h"
#include "table.h"

#define MS_PER_MINUTE 60000u
#define SWING 20u       /* mg/dl up and down */
#define SWING_STEPS 40u /* samples from one low to the next */
#define WARNING_PRESENT 0x20u
#define STATUS_PRESENT 0x80u
#define SIZE_BASIC 8u /* size, flags, glucose, offset, CRC */

struct glucose {
    uint16_t milligrams, offset;
};

struct cgm_session *cgm_session;
uint8_t cgm_running, cgm_stopped_status = 1, cgm_interval = INTERVAL_DEFAULT;
uint32_t cgm_samples;
static struct cgm_session session;
static struct glucose records[GLUCOSE_RECORDS];
static uint32_t first_number, end_number, latest;

uint32_t cgm_offset(void) { return cgm_running ? (clock_ms() - session.started_ms) / MS_PER_MINUTE : 0; }

static uint32_t first(void) { return first_number; }
static uint32_t end(void) { return end_number; }
static uint32_t key(uint32_t number) { return records[number % GLUCOSE_RECORDS].offset; }
static void drop(uint32_t count) { first_number += count; }

int cgm_start(void) {
    if (cgm_running) return 0;
    session.started_ms = session.next_ms = clock_ms();
    session.calibrations = session.stopped = 0;
    first_number = end_number = 0;
    cgm_session = &session;
    cgm_running = 1;
    cgm_stopped_status = 0;
    log_add(LOG_CGM, 1);
    return 1;
}

#ifdef FAULT_SESSION_NULL
int cgm_stop(void) {
    cgm_session->stopped = 1;
    if (!cgm_running) return 0;
#else
int cgm_stop(void) {
    if (!cgm_running) return 0;
    cgm_session->stopped = 1;
#endif
    cgm_running = 0;
    cgm_stopped_status = 1;
    log_add(LOG_CGM, 0);
    return 1;
}

void cgm_set_interval(uint32_t minutes) {
    cgm_interval = (uint8_t)minutes;
    if (cgm_running) session.next_ms = clock_ms() + minutes * MS_PER_MINUTE;
}

/* What the sensor gives, on a slow wave like the tissue's. */
static uint32_t measure(void) {
    uint32_t step = cgm_samples % SWING_STEPS;
    uint32_t wave = step < SWING_STEPS / 2 ? step : SWING_STEPS - step;
    uint32_t value = sensor_glucose + wave * 2;
    value = value > SWING ? value - SWING : 0;
    if (value < GLUCOSE_MIN) return GLUCOSE_MIN;
    return value > GLUCOSE_MAX ? GLUCOSE_MAX : value;
}

int cgm_below_alert(void) { return cgm_running && latest && latest < alert_low; }
int cgm_above_alert(void) { return cgm_running && latest > alert_high; }

static int send(uint32_t number) {
    uint8_t buffer[16];
    struct text value = {buffer, 0, sizeof buffer};
    const struct glucose *record = &records[number % GLUCOSE_RECORDS];
    uint32_t warning = (uint32_t)(record->milligrams < alert_low) | (record->milligrams > alert_high) << 1;
    text_byte(&value, SIZE_BASIC + (warning ? 1 : 0));
    text_byte(&value, warning ? WARNING_PRESENT : 0);
    text_u16(&value, record->milligrams);
    text_u16(&value, record->offset);
    if (warning) text_byte(&value, (uint8_t)warning);
    e2e_close(&value, 0);
    return notification_send(ATTRIBUTE_CGM_MEASUREMENT, buffer, value.length);
}

const struct records cgm_records = {ATTRIBUTE_CGM_RACP, first, end, key, send, drop};

static void take_sample(void) {
    latest = measure();
    cgm_samples++;
    records[end_number % GLUCOSE_RECORDS] = (struct glucose){(uint16_t)latest, (uint16_t)cgm_offset()};
    send(end_number++);
    if (end_number - first_number > GLUCOSE_RECORDS) first_number++;
}

/* Samples that were missed are not made up for, but their times are: the schedule keeps its rhythm. */
void cgm_task(void) {
    if (!cgm_running) return;
#ifndef FAULT_INTERVAL_ZERO
    if (!cgm_interval) return;
#endif
    if ((int32_t)(clock_ms() - session.next_ms) < 0) return;
    take_sample();
    while ((int32_t)(clock_ms() - session.next_ms) >= 0) session.next_ms += cgm_interval * MS_PER_MINUTE;
    if (cgm_offset() >= CGM_RUN_HOURS * 60u) cgm_stop();
}
