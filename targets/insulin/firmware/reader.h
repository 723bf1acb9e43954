/* The status reader control point of Insulin Delivery. */
#ifndef READER_H
#define READER_H

#include <stdint.h>

#include "att.h"

enum att reader_write(const uint8_t *data, uint32_t length);

#endif
