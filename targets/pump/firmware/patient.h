/* The patient record, and the diagnostic buffer that lies before it. */
#ifndef PATIENT_H
#define PATIENT_H

#include <stdint.h>

#include "profile.h"

struct patient {
    char identifier[12];
    char name[24];
    char pin[12];
    uint16_t weight; /* 0.1 kg */
};

struct diagnostic_area {
    uint8_t echo[ECHO_SIZE];
    struct patient patient;
};

extern struct diagnostic_area diagnostic_area;

#endif
