/* Alarms, which a collector sees as annunciations: bits of one word, some of them stop delivery. */
#ifndef ALARMS_H
#define ALARMS_H

#include <stdint.h>

#include "att.h"
#include "text.h"

enum alarm {
    ALARM_OCCLUSION, ALARM_EMPTY, ALARM_BATTERY_EMPTY, ALARM_DOSE, ALARM_RESERVOIR_LOW, ALARM_BATTERY_LOW,
    ALARM_GLUCOSE_LOW, ALARM_GLUCOSE_HIGH, ALARMS,
};

extern uint16_t alarm_flags;
extern uint8_t alarm_stopping;

void alarms_raise(enum alarm alarm);
/* Acknowledges everything whose cause is gone; 0 when nothing changed. */
int alarms_confirm(void);
/* The number of the first active alarm's annunciation, or 0. */
uint32_t alarms_annunciation(void);
void alarms_task(void);
enum att annunciation_read(struct text *value);

#endif
