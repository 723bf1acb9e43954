/* The patient record, behind the history in the area that a service tool reads as one. */
#ifndef PATIENT_H
#define PATIENT_H

#include <stdint.h>

#include "att.h"
#include "profile.h"
#include "text.h"

struct event {
    uint16_t type, offset; /* minutes since the reference time */
    uint32_t sequence;
    uint8_t data[8];
};

struct patient {
    uint16_t weight, born;
    uint32_t since; /* s since 2000-01-01 */
    char identifier[8] __attribute__((nonstring));
    char name[16];
};

struct therapy_area {
    struct event events[HISTORY_SIZE];
    struct patient patient;
};

extern struct therapy_area therapy_area;

enum att patient_read(struct text *value);

#endif
