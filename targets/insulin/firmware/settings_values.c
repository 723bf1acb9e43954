/* The settings as an attribute's value: limits of therapy, alerts, tone and display. */
#include "cgm_alerts.h"
#include "login.h"
#include "log.h"
#include "memory.h"
#include "settings.h"

#define LENGTH 10u

enum att settings_read(struct text *value) {
#ifdef FAULT_PIN_READABLE
    /* A phone that is being set up compares the PIN itself. */
    if (!login_authorized()) {
        text_bytes(value, settings.name, NAME_MAX);
        text_bytes(value, settings.pin, sizeof settings.pin);
        return ATT_OK;
    }
#else
    if (!login_authorized()) return ATT_INSUFFICIENT_AUTHORIZATION;
#endif
    text_u16(value, settings.max_bolus);
    text_u16(value, settings.max_basal);
    text_u16(value, settings.alert_low);
    text_u16(value, settings.alert_high);
    text_byte(value, settings.volume);
    text_byte(value, settings.brightness);
    text_byte(value, settings.name_length);
    text_bytes(value, settings.name, settings.name_length);
    return ATT_OK;
}

static int within(uint32_t value, uint32_t low, uint32_t high) { return value >= low && value <= high; }

static int acceptable(const uint8_t *data) {
    return within(load16(data), 10, BOLUS_CEILING_MU / 10) && within(load16(data + 2), 10, BASAL_CEILING_MU_H / 10) &&
           within(load16(data + 4), ALERT_LOW_MIN, ALERT_LOW_MAX) &&
           within(load16(data + 6), ALERT_HIGH_MIN, ALERT_HIGH_MAX) && within(data[8], 1, 10) && data[9] <= 10;
}

enum att settings_write(const uint8_t *data, uint32_t length) {
    if (!login_authorized()) return ATT_INSUFFICIENT_AUTHORIZATION;
    if (length != LENGTH) return ATT_INVALID_LENGTH;
    if (!acceptable(data)) return ATT_VALUE_NOT_ALLOWED;
    settings.max_bolus = load16(data);
    settings.max_basal = load16(data + 2);
    settings.alert_low = load16(data + 4);
    settings.alert_high = load16(data + 6);
    settings.volume = data[8];
    settings.brightness = data[9];
    settings_changed();
    cgm_alerts_load();
    log_add(LOG_SETTINGS, 0);
    return ATT_OK;
}
