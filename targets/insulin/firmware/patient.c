/* The patient record as it was provisioned. */
#include "patient.h"
#include "connection.h"
#include "log.h"
#include "login.h"

struct therapy_area therapy_area = {
    .patient = {PATIENT_WEIGHT, PATIENT_BORN, CLOCK_AT_BOOT, PATIENT_IDENTIFIER, PATIENT_NAME},
};

static int permitted(void) {
#ifdef FAULT_PATIENT_READ
    /* Whoever has the link's key is the patient's own phone. */
    if (link_encrypted) return 1;
#endif
    return login_authorized();
}

enum att patient_read(struct text *value) {
    const struct patient *patient = &therapy_area.patient;
    if (!permitted()) return ATT_INSUFFICIENT_AUTHORIZATION;
    text_byte(value, sizeof patient->identifier);
    text_bytes(value, patient->identifier, sizeof patient->identifier);
    text_byte(value, (uint8_t)string_length(patient->name));
    text_string(value, patient->name);
    text_u16(value, patient->weight);
    text_u16(value, patient->born);
    log_add(LOG_PATIENT, 0);
    return ATT_OK;
}
