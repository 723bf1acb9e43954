/* Alarms: a byte each, so that they can be watched; bits in replies. */
#ifndef ALARMS_H
#define ALARMS_H

#include <stdint.h>

enum alarm {
    ALARM_AIR, ALARM_OCCLUSION, ALARM_EMPTY, ALARM_TEMPERATURE, ALARM_DEPLETED, ALARM_DOSE, ALARM_HOURLY,
    ALARM_SELF_TEST, ALARM_BATTERY, ALARM_RESERVOIR, ALARM_VOLUME_DONE, ALARM_UNDER_INFUSION, ALARMS,
};

extern uint8_t alarm_air, alarm_occlusion, alarm_empty, alarm_temperature, alarm_depleted, alarm_dose, alarm_hourly;
extern uint8_t alarm_self_test, alarm_battery_low, alarm_reservoir_low, alarm_volume_done, alarm_under_infusion;
extern uint8_t alarm_active, alarm_audible;
extern uint32_t alarm_flags;

void alarms_raise(enum alarm alarm);
/* 1 when an alarm is active that forbids delivery. */
int alarms_stopping(void);
/* The confirm key: 1 when nothing was there to acknowledge. */
int alarms_acknowledge(void);
/* 0 when there is nothing to silence, or it is silent already. */
int alarms_silence(uint32_t seconds);
/* Checks the sensors and drives tone and lamp. */
void alarms_task(void);

#endif
