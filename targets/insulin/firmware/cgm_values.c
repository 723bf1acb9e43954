/* The readable characteristics of the glucose monitor, each with its CRC. */
#include "cgm.h"
#include "clock.h"
#include "e2e.h"
#include "log.h"
#include "memory.h"
#include "profile.h"

#define FEATURES 0x00103Fu /* calibration, all alerts, device alert, E2E-CRC */
#define TYPE_LOCATION 0x59u
#define STATUS_STOPPED 1u
#define START_TIME 9u

/* As the collector set it; zeroes mean not known. */
static uint8_t start_time[START_TIME];

enum att cgm_feature_read(struct text *value) {
    uint32_t start = value->length;
    text_u16(value, FEATURES & 0xFFFF);
    text_byte(value, FEATURES >> 16);
    text_byte(value, TYPE_LOCATION);
    e2e_close(value, start);
    return ATT_OK;
}

enum att cgm_status_read(struct text *value) {
    uint32_t start = value->length;
    text_u16(value, cgm_offset());
    text_byte(value, cgm_stopped_status ? STATUS_STOPPED : 0);
    text_byte(value, 0);
    text_byte(value, (uint8_t)(cgm_below_alert() | cgm_above_alert() << 1));
    e2e_close(value, start);
    return ATT_OK;
}

enum att cgm_start_time_read(struct text *value) {
    uint32_t start = value->length;
    text_bytes(value, start_time, sizeof start_time);
    e2e_close(value, start);
    return ATT_OK;
}

static int plausible(const uint8_t *time) {
    uint32_t year = load16(time);
    return year >= 2000 && year <= 2099 && time[2] >= 1 && time[2] <= 12 && time[3] >= 1 && time[3] <= 31 &&
           time[4] < 24 && time[5] < 60 && time[6] < 60;
}

enum att cgm_start_time_write(const uint8_t *data, uint32_t length) {
    if (length == START_TIME) return ATT_CGM_MISSING_CRC;
    if (length != START_TIME + 2) return ATT_INVALID_LENGTH;
    if (!e2e_intact(data, length)) return ATT_CGM_INVALID_CRC;
    if (!plausible(data)) return ATT_VALUE_NOT_ALLOWED;
    memcpy(start_time, data, START_TIME);
    return ATT_OK;
}

enum att cgm_run_time_read(struct text *value) {
    uint32_t start = value->length;
    text_u16(value, CGM_RUN_HOURS);
    e2e_close(value, start);
    return ATT_OK;
}
