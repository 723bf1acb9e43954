/* The status of Insulin Delivery: read on request, indicated when it changes. */
#include "idd_status.h"
#include "e2e.h"
#include "indications.h"
#include "profile.h"
#include "sensors.h"
#include "sfloat.h"
#include "table.h"
#include "therapy.h"

#define CONTROL_STOP 0x33u
#define CONTROL_PAUSE 0x3Cu
#define CONTROL_RUN 0x55u
#define OPERATIONAL_STANDBY 0x3Cu
#define OPERATIONAL_PREPARING 0x55u
#define OPERATIONAL_PRIMING 0x5Au
#define OPERATIONAL_WAITING 0x66u
#define OPERATIONAL_READY 0x96u
#define RESERVOIR_ATTACHED 1u
#define FEATURES 0x00007Fu /* E2E, basal, both temporary rates, fast and extended bolus, activation type */
#define CONCENTRATION 100u /* U/ml */

static uint8_t reported_state, changed;

static uint8_t therapy_control(void) {
    switch (delivery_state) {
        case DELIVERY_RUNNING: return CONTROL_RUN;
        case DELIVERY_PAUSED:
        case DELIVERY_ALARM: return CONTROL_PAUSE;
        default: return CONTROL_STOP;
    }
}

static uint8_t operational(void) {
    switch (delivery_state) {
        case DELIVERY_SELF_TEST: return OPERATIONAL_PREPARING;
        case DELIVERY_PRIMING: return OPERATIONAL_PRIMING;
        case DELIVERY_ALARM: return OPERATIONAL_WAITING;
        case DELIVERY_STOPPED: return OPERATIONAL_STANDBY;
        default: return OPERATIONAL_READY;
    }
}

enum att idd_status_read(struct text *value) {
    uint32_t start = value->length;
    text_byte(value, therapy_control());
    text_byte(value, operational());
    text_u16(value, sfloat_from_milli(sensor_reservoir * 100u));
    text_byte(value, RESERVOIR_ATTACHED);
    e2e_close_counted(E2E_VALUES, value, start);
    return ATT_OK;
}

enum att idd_features_read(struct text *value) {
    uint32_t start = value->length;
    text_u16(value, sfloat_from_milli(CONCENTRATION * 1000u));
    text_byte(value, (uint8_t)FEATURES);
    text_u16(value, FEATURES >> 8);
    e2e_close_counted(E2E_VALUES, value, start);
    return ATT_OK;
}

void idd_status_reset(uint32_t flags) {
    if (flags & 3) changed = 0;
}

void idd_status_task(void) {
    uint8_t buffer[16];
    struct text value = {buffer, 0, sizeof buffer};
    if (delivery_state != reported_state) changed = 1;
    reported_state = delivery_state;
    if (!changed || indications_pending(ATTRIBUTE_IDD_STATUS)) return;
    idd_status_read(&value);
    if (indications_queue(ATTRIBUTE_IDD_STATUS, buffer, value.length, 0)) changed = 0;
}
