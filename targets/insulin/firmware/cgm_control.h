/* The specific operations control point and the record access of the glucose monitor. */
#ifndef CGM_CONTROL_H
#define CGM_CONTROL_H

#include <stdint.h>

#include "att.h"

enum att cgm_control_write(const uint8_t *data, uint32_t length);

#endif
