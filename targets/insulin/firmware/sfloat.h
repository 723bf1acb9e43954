/* SFLOAT, the 16-bit decimal float of IEEE 11073-20601, as thousandths. */
#ifndef SFLOAT_H
#define SFLOAT_H

#include <stdint.h>

#define SFLOAT_INVALID INT32_MIN

/* Thousandths of the value, saturated at 2^30; SFLOAT_INVALID for NaN, NRes, infinities and reserved values. */
int32_t sfloat_milli(uint16_t raw);
int32_t sfloat_mantissa(uint16_t raw);
/* The SFLOAT nearest to `milli` thousandths, with as many decimals as fit. */
uint16_t sfloat_from_milli(uint32_t milli);

#endif
