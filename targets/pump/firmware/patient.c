/* The patient record as it was provisioned. */
#include "patient.h"

struct diagnostic_area diagnostic_area = {
    .patient = {PATIENT_IDENTIFIER, PATIENT_NAME, SERVICE_PIN, PATIENT_WEIGHT},
};
