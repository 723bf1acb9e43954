/* SFLOAT: exponent in four bits, mantissa in twelve, both signed. */
#include "sfloat.h"

#define SATURATED (1 << 30)
#define MANTISSA_MAX 2045u

int32_t sfloat_mantissa(uint16_t raw) { return (int32_t)((uint32_t)raw << 20) >> 20; }

static int32_t exponent(uint16_t raw) { return (int16_t)raw >> 12; }

static int special(int32_t mantissa) { return mantissa >= 2046 || mantissa <= -2046; }

int32_t sfloat_milli(uint16_t raw) {
    int32_t mantissa = sfloat_mantissa(raw), power = exponent(raw) + 3;
    if (special(mantissa)) return SFLOAT_INVALID;
    int64_t value = mantissa;
    for (; power > 0 && value < SATURATED && value > -SATURATED; power--) value *= 10;
    for (; power < 0; power++) value = (int32_t)value / 10;
    if (value > SATURATED) return SATURATED;
    return value < -SATURATED ? -SATURATED : (int32_t)value;
}

uint16_t sfloat_from_milli(uint32_t milli) {
    int32_t power = -3;
    for (; milli > MANTISSA_MAX; power++) milli = (milli + 5) / 10;
    return (uint16_t)((uint32_t)power << 12 | milli);
}
