/* Alarms: raised by sensors, doses and glucose; latched until confirmed, the low ones follow their cause. */
#include "alarms.h"
#include "board.h"
#include "cgm.h"
#include "e2e.h"
#include "log.h"
#include "profile.h"
#include "sensors.h"
#include "therapy.h"

#define BUZZER (1u << 1)
#define STOPPING 0x7u /* occlusion, reservoir empty, battery empty */
#define FOLLOWING (1u << ALARM_RESERVOIR_LOW | 1u << ALARM_BATTERY_LOW | 1u << ALARM_GLUCOSE_LOW | 1u << ALARM_GLUCOSE_HIGH)
#define PRESENT 1u
#define PENDING 0x33u

/* Annunciation types of the Insulin Delivery service; glucose alerts are the maker's. */
static const uint16_t types[ALARMS] = {0x003C, 0x005A, 0x00AA, 0x0356, 0x0066, 0x00C3, 0xF001, 0xF002};

uint16_t alarm_flags;
uint8_t alarm_stopping;
static uint16_t annunciations[ALARMS], annunciation_count;

static void show(uint32_t flags) {
    alarm_flags = (uint16_t)flags;
    alarm_stopping = (flags & STOPPING) != 0;
    GPIO_BSRR(GPIOB) = flags ? BUZZER : BUZZER << 16;
}

void alarms_raise(enum alarm alarm) {
    uint32_t bit = 1u << alarm;
    if (!(alarm_flags & bit)) {
        annunciations[alarm] = ++annunciation_count;
        log_add(LOG_ALARM, alarm);
        show(alarm_flags | bit);
    }
    if (bit & STOPPING) therapy_halt();
}

static uint32_t conditions(void) {
    return (uint32_t)(sensor_pressure > OCCLUSION_LIMIT) << ALARM_OCCLUSION |
           (uint32_t)(sensor_reservoir < RESERVOIR_EMPTY) << ALARM_EMPTY |
           (uint32_t)(sensor_battery < BATTERY_EMPTY) << ALARM_BATTERY_EMPTY |
           (uint32_t)(sensor_reservoir < RESERVOIR_LOW) << ALARM_RESERVOIR_LOW |
           (uint32_t)(sensor_battery < BATTERY_LOW) << ALARM_BATTERY_LOW |
           (uint32_t)cgm_below_alert() << ALARM_GLUCOSE_LOW | (uint32_t)cgm_above_alert() << ALARM_GLUCOSE_HIGH;
}

int alarms_confirm(void) {
    sensors_read();
    uint32_t before = alarm_flags, left = before & conditions();
    show(left);
    if ((before & STOPPING) && !(left & STOPPING)) therapy_recover();
    return before != left;
}

uint32_t alarms_annunciation(void) {
    for (uint32_t alarm = 0; alarm < ALARMS; alarm++) {
        if (alarm_flags >> alarm & 1) return annunciations[alarm];
    }
    return 0;
}

static uint32_t annunciation_type(uint32_t number) {
    for (uint32_t alarm = 0; alarm < ALARMS; alarm++) {
        if (annunciations[alarm] == number) return types[alarm];
    }
    return 0;
}

enum att annunciation_read(struct text *value) {
    uint32_t start = value->length, number = alarms_annunciation();
    text_byte(value, number ? PRESENT : 0);
    if (number) {
        text_u16(value, number);
        text_u16(value, annunciation_type(number));
        text_byte(value, PENDING);
    }
    e2e_close_counted(E2E_VALUES, value, start);
    return ATT_OK;
}

void alarms_task(void) {
    sensors_read();
    uint32_t found = conditions();
    for (uint32_t alarm = 0; alarm < ALARMS; alarm++) {
        if (found >> alarm & 1) alarms_raise(alarm);
    }
    uint32_t flags = alarm_flags & (~FOLLOWING | found);
    if (flags != alarm_flags) show(flags);
}
