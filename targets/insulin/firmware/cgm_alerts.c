/* Glucose alert thresholds, each with its range. */
#include "cgm_alerts.h"
#include "profile.h"
#include "settings.h"
#include "sfloat.h"

uint32_t alert_high = 250, alert_low = 70, alert_hypo = 55, alert_hyper = 300, alert_decrease = 3, alert_increase = 3;

static const struct {
    uint32_t *threshold;
    uint16_t least, most;
} alerts[ALERT_COUNT] = {
    [ALERT_HIGH] = {&alert_high, ALERT_HIGH_MIN, ALERT_HIGH_MAX}, [ALERT_LOW] = {&alert_low, ALERT_LOW_MIN, ALERT_LOW_MAX},
    [ALERT_HYPO] = {&alert_hypo, 40, 80},
    [ALERT_HYPER] = {&alert_hyper, 180, 400}, [ALERT_DECREASE] = {&alert_decrease, 1, 10},
    [ALERT_INCREASE] = {&alert_increase, 1, 10},
};

void cgm_alerts_load(void) {
    alert_high = settings.alert_high;
    alert_low = settings.alert_low;
}

static int in_range(enum cgm_alert alert, uint16_t raw) {
#ifdef FAULT_ALERT_RANGE
    int32_t value = sfloat_mantissa(raw);
#else
    int32_t value = sfloat_milli(raw) / 1000;
#endif
    return value >= alerts[alert].least && value <= alerts[alert].most;
}

int cgm_alert_set(enum cgm_alert alert, uint16_t raw) {
    if (!in_range(alert, raw)) return 0;
    *alerts[alert].threshold = (uint32_t)sfloat_milli(raw) / 1000;
    return 1;
}

uint16_t cgm_alert_get(enum cgm_alert alert) { return sfloat_from_milli(*alerts[alert].threshold * 1000); }
