/* Sensor readings: single conversions of ADC1, scaled at the sensor. */
#include "sensors.h"
#include "board.h"

uint32_t sensor_glucose = 110, sensor_pressure = 20, sensor_reservoir = 2000, sensor_battery = 90;

void sensors_init(void) {
    RCC_APB2ENR |= 1u << 8;
    ADC_CR2 = ADC_ADON;
}

static int convert(uint32_t channel, uint32_t *value) {
    ADC_SQR3 = channel;
    ADC_SR = 0;
    ADC_CR2 = ADC_ADON | ADC_SWSTART;
    for (uint32_t patience = 200; patience; patience--) {
        if (!(ADC_SR & ADC_EOC)) continue;
        *value = ADC_DR & 0xFFF;
        return 1;
    }
    return 0;
}

void sensors_read(void) {
    static uint32_t *const values[] = {&sensor_glucose, &sensor_pressure, &sensor_reservoir, &sensor_battery};
    for (uint32_t channel = 0; channel < 4; channel++) {
        if (!convert(channel, values[channel])) return;
    }
}
