/* What the pump says of itself. */
#include "identity.h"
#include "alarms.h"
#include "clock.h"
#include "indications.h"
#include "log.h"
#include "login.h"
#include "profile.h"
#include "sensors.h"
#include "settings.h"
#include "table.h"
#include "therapy.h"

#define LOG_ENTRIES 8u

static uint32_t reported_battery;

static enum att string(struct text *value, const char *words) {
    text_string(value, words);
    return ATT_OK;
}

enum att manufacturer_read(struct text *value) { return string(value, MANUFACTURER); }
enum att model_read(struct text *value) { return string(value, MODEL); }
enum att serial_read(struct text *value) { return string(value, SERIAL); }
enum att revision_read(struct text *value) { return string(value, FIRMWARE_REVISION); }

static uint8_t battery_level(void) { return sensor_battery > 100 ? 100 : (uint8_t)sensor_battery; }

enum att battery_read(struct text *value) {
    text_byte(value, battery_level());
    return ATT_OK;
}

void battery_task(void) {
    uint8_t level = battery_level();
    if (level == reported_battery) return;
    if (notification_send(ATTRIBUTE_BATTERY_LEVEL, &level, 1)) reported_battery = level;
}

enum att pump_status_read(struct text *value) {
    text_u32(value, clock_ms());
    text_u16(value, settings.boots);
    text_byte(value, delivery_state);
    text_byte(value, session_open);
    text_u32(value, configuration_checksum);
    text_u16(value, settings.writes);
    text_u16(value, alarm_flags);
    return ATT_OK;
}

enum att log_value_read(struct text *value) {
    if (!login_authorized()) return ATT_INSUFFICIENT_AUTHORIZATION;
    log_read(value, LOG_ENTRIES);
    return ATT_OK;
}
