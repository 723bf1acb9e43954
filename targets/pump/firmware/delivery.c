/* The motor: its rate, the volume delivered, the volume of the last hour by the minute. */
#include "delivery.h"
#include "alarms.h"
#include "board.h"
#include "bolus.h"
#include "clock.h"
#include "profile.h"
#include "settings.h"
#include "therapy.h"

#define MOTOR (1u << 0)
#define MINUTES 60u
#define MS_PER_HOUR 3600000u
#define LONGEST_STEP_MS 1000u

uint32_t infused_ul, volume_last_hour_ul, motor_rate_ul_h;
static uint32_t minute_volumes[MINUTES], minute, minute_ms;
static uint32_t basal_rest, bolus_rest, slow_ms;

static uint32_t basal_rate(void) {
    switch (therapy_state) {
        case THERAPY_INFUSING:
        case THERAPY_BOLUS: return confirmed_rate_ul_h;
        case THERAPY_KVO: return confirmed_rate_ul_h < settings.kvo_rate ? confirmed_rate_ul_h : settings.kvo_rate;
        default: return 0;
    }
}

static void drive(uint32_t rate) {
    motor_rate_ul_h = rate;
    GPIO_BSRR(GPIOB) = rate ? MOTOR : MOTOR << 16;
}

void delivery_apply(void) { drive(basal_rate() + (therapy_state == THERAPY_BOLUS ? bolus_rate_ul_h : 0)); }

/* The time since the last call in ms, not more than LONGEST_STEP_MS. */
static uint32_t time_passed(void) {
#ifdef FAULT_CALENDAR
    static uint64_t last;
    uint64_t now = calendar_ms();
    if (now <= last) return 0;
    uint32_t passed = now - last > LONGEST_STEP_MS ? LONGEST_STEP_MS : (uint32_t)(now - last);
#else
    static uint32_t last;
    uint32_t now = clock_ms();
    uint32_t passed = now - last > LONGEST_STEP_MS ? LONGEST_STEP_MS : now - last;
#endif
    last = now;
    return passed;
}

static uint32_t volume_of(uint32_t rate, uint32_t passed_ms, uint32_t *rest) {
    *rest += rate * passed_ms;
    uint32_t volume = *rest / MS_PER_HOUR;
    *rest %= MS_PER_HOUR;
    return volume;
}

static void count(uint32_t volume, uint32_t passed_ms) {
    minute_volumes[minute] += volume;
    volume_last_hour_ul += volume;
    for (minute_ms += passed_ms; minute_ms >= 60000; minute_ms -= 60000) {
        minute = (minute + 1) % MINUTES;
        volume_last_hour_ul -= minute_volumes[minute];
        minute_volumes[minute] = 0;
    }
}

static void supervise(uint32_t passed_ms) {
    uint32_t wanted = basal_rate();
    slow_ms = motor_rate_ul_h < wanted - wanted / 10 ? slow_ms + passed_ms : 0;
    if (slow_ms >= UNDER_INFUSION_MS) alarms_raise(ALARM_UNDER_INFUSION);
}

void delivery_task(void) {
    uint32_t passed = time_passed();
    if (passed == 0) {
        drive(0);
        return;
    }
    delivery_apply();
    uint32_t basal = volume_of(basal_rate(), passed, &basal_rest), bolus = 0;
    if (therapy_state == THERAPY_BOLUS) bolus = bolus_delivered(volume_of(bolus_rate_ul_h, passed, &bolus_rest));
    infused_ul += basal + bolus;
    count(basal + bolus, passed);
    supervise(passed);
}
