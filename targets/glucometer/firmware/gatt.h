/* The attributes: their handles, types and values (Core 5.4 vol 3 part G, Glucose Service 1.0.1). */
#ifndef GATT_H
#define GATT_H

#include <stdint.h>
#include "att.h"
#include "text.h"

enum handle {
    HANDLE_GAP = 1,
    HANDLE_NAME = 3,
    HANDLE_APPEARANCE = 5,
    HANDLE_GATT = 6,
    HANDLE_DEVICE_INFORMATION = 7,
    HANDLE_MANUFACTURER = 9,
    HANDLE_MODEL = 11,
    HANDLE_SERIAL = 13,
    HANDLE_REVISION = 15,
    HANDLE_GLUCOSE = 16,
    HANDLE_MEASUREMENT = 18,
    HANDLE_MEASUREMENT_CCCD = 19,
    HANDLE_FEATURE = 21,
    HANDLE_RACP = 23,
    HANDLE_RACP_CCCD = 24,
    HANDLE_LAST = 24,
};
#define PRIMARY_SERVICE 0x2800u

/* 0 for a handle that there is none of. */
uint16_t gatt_type(uint16_t handle);
/* The last handle of the service that begins at one. */
uint16_t gatt_group_end(uint16_t handle);
/* The whole value; refused with ATT errors. */
enum att gatt_read(uint16_t handle, struct text *out);
enum att gatt_write(uint16_t handle, const uint8_t *data, uint32_t length);

#endif
