/* Uploads: several records in one write. */
#ifndef UPLOAD_H
#define UPLOAD_H

#include <stdint.h>

#include "att.h"

enum att upload_write(const uint8_t *data, uint32_t length);

#endif
