/* Sensor readings, each in its own unit. */
#ifndef SENSORS_H
#define SENSORS_H

#include <stdint.h>

extern uint32_t sensor_glucose;   /* mg/dl */
extern uint32_t sensor_pressure;  /* 0.1 psi */
extern uint32_t sensor_reservoir; /* 0.1 U */
extern uint32_t sensor_battery;   /* per cent */

void sensors_init(void);
/* A sensor that gives no reading keeps its last one. */
void sensors_read(void);

#endif
