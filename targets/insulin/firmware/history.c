/* The history: a ring of events in the therapy area. */
#include "history.h"
#include "clock.h"
#include "e2e.h"
#include "indications.h"
#include "memory.h"
#include "patient.h"
#include "profile.h"
#include "table.h"

#define PROVISIONED 16u
#define TYPICAL_DAY 3200u /* 0.01 U */

static uint32_t first_number, end_number;

static uint32_t first(void) { return first_number; }
static uint32_t end(void) { return end_number; }
static uint32_t key(uint32_t number) { return number; }

void history_add(enum history_event type, uint32_t subject, uint32_t amount) {
    struct event *event = &therapy_area.events[end_number % HISTORY_SIZE];
    event->type = (uint16_t)type;
    event->offset = (uint16_t)(clock_ms() / 60000u);
    event->sequence = end_number;
    memset(event->data, 0, sizeof event->data);
    memcpy(event->data, &subject, 2);
    memcpy(event->data + 2, &amount, 4);
    end_number++;
    if (end_number - first_number > HISTORY_SIZE) first_number++;
}

void history_provision(void) {
    history_add(HISTORY_REFERENCE_TIME, 0, calendar_seconds());
    for (uint32_t day = 1; day < PROVISIONED; day++) history_add(HISTORY_DAILY_TOTAL, day, TYPICAL_DAY + day * 7);
}

static const struct event *event_of(uint32_t number) {
#ifdef FAULT_RACP_RANGE
    /* Numbers beyond the newest are not in the ring. */
    if (number >= end_number) return &therapy_area.events[number];
#endif
    return &therapy_area.events[number % HISTORY_SIZE];
}

static int send(uint32_t number) {
    uint8_t buffer[24];
    struct text value = {buffer, 0, sizeof buffer};
    const struct event *event = event_of(number);
    text_u16(&value, event->type);
    text_u32(&value, event->sequence);
    text_u16(&value, event->offset);
    text_bytes(&value, event->data, sizeof event->data);
    e2e_close_counted(E2E_VALUES, &value, 0);
    return notification_send(ATTRIBUTE_IDD_HISTORY, buffer, value.length);
}

static void drop(uint32_t count) { first_number += count; }

const struct records history_records = {ATTRIBUTE_IDD_RACP, first, end, key, send, drop};
