/* The record access control points of the glucose monitor and of Insulin Delivery. */
#ifndef RECORD_ACCESS_H
#define RECORD_ACCESS_H

#include <stdint.h>

#include "att.h"

enum att cgm_racp_write(const uint8_t *data, uint32_t length);
enum att idd_racp_write(const uint8_t *data, uint32_t length);

#endif
