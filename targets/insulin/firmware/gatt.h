/* The attribute table: which handler reads and writes what, and under which security. */
#ifndef GATT_H
#define GATT_H

#include <stdint.h>

#include "att.h"
#include "text.h"

enum att gatt_read(uint16_t attribute, struct text *value);
enum att gatt_write(uint16_t attribute, const uint8_t *data, uint32_t length);

#endif
