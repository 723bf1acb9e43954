/* Boluses: limits, spacing of patient boluses, delivery on top of the basal rate. */
#include "bolus.h"
#include "alarms.h"
#include "clock.h"
#include "commands.h"
#include "delivery.h"
#include "log.h"
#include "profile.h"
#include "settings.h"
#include "therapy.h"

uint32_t bolus_rate_ul_h, bolus_remaining_ul, clinician_bolus_count, patient_bolus_count;
static uint32_t last_patient_bolus_ms;

static int bolus_possible(void) {
#ifdef FAULT_BOLUS_STATE
    return therapy_state != THERAPY_IDLE && therapy_state != THERAPY_PAUSED && therapy_state != THERAPY_SELF_TEST;
#else
    return therapy_state == THERAPY_INFUSING || therapy_state == THERAPY_BOLUS;
#endif
}

static int volume_allowed(uint32_t amount) {
    return amount >= 1 && amount <= bolus_limit_ul && bolus_remaining_ul + amount <= bolus_limit_ul &&
           volume_last_hour_ul + bolus_remaining_ul + amount <= HOURLY_MAX_UL;
}

/* Rates in tenths of ml/h, as the display shows them. */
static int rate_allowed(uint32_t rate) {
#ifdef FAULT_BOLUS_RATE
    uint16_t tenths = (uint16_t)((confirmed_rate_ul_h + rate) / 100);
#else
    uint32_t tenths = (confirmed_rate_ul_h + rate + 99) / 100;
#endif
    return tenths <= RATE_MAX_UL_H / 100;
}

static void begin(uint32_t amount, uint32_t rate) {
    bolus_remaining_ul += amount;
    bolus_rate_ul_h = rate;
    therapy_state = THERAPY_BOLUS;
    delivery_apply();
}

enum status bolus_request(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)length, (void)reply;
    uint32_t amount = load32(body), duration = load16(body + 4);
    if (duration < 1 || duration > BOLUS_DURATION_MAX_S) return STATUS_BAD_VALUE;
    if (!bolus_possible()) return STATUS_WRONG_STATE;
    if (!volume_allowed(amount) || !rate_allowed(amount * 3600 / duration)) {
        alarms_raise(ALARM_DOSE);
        return STATUS_OVER_LIMIT;
    }
    begin(amount, amount * 3600 / duration);
    clinician_bolus_count++;
    log_add(LOG_BOLUS, amount / 100);
    return STATUS_OK;
}

static int spaced(void) {
    return patient_bolus_count == 0 || clock_ms() - last_patient_bolus_ms >= settings.bolus_spacing * 1000u;
}

void bolus_patient(void) {
    uint32_t rate = PATIENT_BOLUS_UL * 3600 / PATIENT_BOLUS_S;
    if (therapy_state != THERAPY_INFUSING || !spaced()) return;
    if (!volume_allowed(PATIENT_BOLUS_UL) || !rate_allowed(rate)) return;
    last_patient_bolus_ms = clock_ms();
    patient_bolus_count++;
    begin(PATIENT_BOLUS_UL, rate);
    log_add(LOG_BOLUS, 0);
}

void bolus_cancel(void) {
    bolus_remaining_ul = 0;
    bolus_rate_ul_h = 0;
}

uint32_t bolus_delivered(uint32_t volume) {
    if (volume < bolus_remaining_ul) {
        bolus_remaining_ul -= volume;
        return volume;
    }
    uint32_t due = bolus_remaining_ul;
    bolus_cancel();
    therapy_state = THERAPY_INFUSING;
    delivery_apply();
    return due;
}
