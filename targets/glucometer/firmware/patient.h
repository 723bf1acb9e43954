/* The patient, as the meter's display shows it; never in an answer. */
#ifndef PATIENT_H
#define PATIENT_H

#include "profile.h"

struct patient {
    char identifier[sizeof PATIENT_IDENTIFIER];
    char name[sizeof PATIENT_NAME];
};

const struct patient *patient_record(void);

#endif
