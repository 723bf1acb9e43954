/* Alarms: raised by sensors and therapy, latched until the confirm key, silenced for two minutes at most. */
#include "alarms.h"
#include "board.h"
#include "clock.h"
#include "log.h"
#include "profile.h"
#include "sensors.h"
#include "settings.h"
#include "therapy.h"

#define BUZZER (1u << 1)
#define LAMP (1u << 2)
#define STOPPING 0x9Fu /* air, occlusion, empty, temperature, depleted, self-test */
#define FOLLOWING (1u << ALARM_BATTERY | 1u << ALARM_RESERVOIR)

uint8_t alarm_air, alarm_occlusion, alarm_empty, alarm_temperature, alarm_depleted, alarm_dose, alarm_hourly;
uint8_t alarm_self_test, alarm_battery_low, alarm_reservoir_low, alarm_volume_done, alarm_under_infusion;
uint8_t alarm_active, alarm_audible;
uint32_t alarm_flags;
static uint8_t silenced;
static uint32_t silence_until;

static uint8_t *const indicators[ALARMS] = {
    &alarm_air, &alarm_occlusion, &alarm_empty, &alarm_temperature, &alarm_depleted, &alarm_dose, &alarm_hourly,
    &alarm_self_test, &alarm_battery_low, &alarm_reservoir_low, &alarm_volume_done, &alarm_under_infusion,
};

static void show(uint32_t flags) {
    for (uint32_t i = 0; i < ALARMS; i++) *indicators[i] = flags >> i & 1;
    alarm_flags = flags;
    alarm_active = flags != 0;
    alarm_audible = alarm_active && !silenced;
    GPIO_BSRR(GPIOB) = (alarm_audible ? BUZZER : BUZZER << 16) | (alarm_active ? LAMP : LAMP << 16);
}

void alarms_raise(enum alarm alarm) {
    uint32_t bit = 1u << alarm;
    if (!(alarm_flags & bit)) {
        silenced = 0;
        log_add(LOG_ALARM, alarm);
        show(alarm_flags | bit);
    }
    if (bit & STOPPING) therapy_halt();
}

int alarms_stopping(void) { return (alarm_flags & STOPPING) != 0; }

static uint32_t conditions(void) {
    uint32_t running = therapy_state == THERAPY_INFUSING || therapy_state == THERAPY_BOLUS;
    return (uint32_t)(sensor_air > settings.air_limit) << ALARM_AIR |
           (uint32_t)(sensor_pressure > settings.occlusion_limit) << ALARM_OCCLUSION |
           (uint32_t)(sensor_reservoir < RESERVOIR_EMPTY) << ALARM_EMPTY |
           (uint32_t)(sensor_temperature > TEMPERATURE_MAX) << ALARM_TEMPERATURE |
           (uint32_t)(sensor_battery < BATTERY_DEPLETED) << ALARM_DEPLETED |
           (uint32_t)(sensor_battery < BATTERY_LOW) << ALARM_BATTERY |
           (running && sensor_reservoir < RESERVOIR_LOW) << ALARM_RESERVOIR;
}

int alarms_acknowledge(void) {
    if (!alarm_flags) return 1;
    sensors_read();
    uint32_t before = alarm_flags, left = conditions() & before;
    silenced = silenced && left;
    show(left);
    if ((before & STOPPING) && !(left & STOPPING)) therapy_recover();
    return before == left && !(left & STOPPING);
}

int alarms_silence(uint32_t seconds) {
    if (!alarm_active || silenced) return 0;
    silenced = 1;
#ifdef FAULT_SILENCE
    /* No time given: until the next alarm. */
    silence_until = seconds ? clock_ms() + seconds * 1000 : 0;
#else
    silence_until = clock_ms() + seconds * 1000;
#endif
    log_add(LOG_SILENCE, seconds);
    show(alarm_flags);
    return 1;
}

static int silence_over(void) {
#ifdef FAULT_SILENCE
    if (silence_until == 0) return 0;
#endif
    return (int32_t)(clock_ms() - silence_until) >= 0;
}

void alarms_task(void) {
    sensors_read();
    uint32_t found = conditions();
    for (uint32_t i = 0; i < ALARMS; i++) {
        if (found >> i & 1) alarms_raise(i);
    }
    if (silenced && silence_over()) silenced = 0;
    uint32_t flags = alarm_flags & (~FOLLOWING | found);
    if (flags != alarm_flags || alarm_audible != (alarm_active && !silenced)) show(flags);
    if (!alarm_flags) silenced = 0;
}
