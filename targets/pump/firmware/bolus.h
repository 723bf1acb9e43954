/* Boluses: by a clinician over the link, by the patient's key. */
#ifndef BOLUS_H
#define BOLUS_H

#include <stdint.h>

extern uint32_t bolus_rate_ul_h, bolus_remaining_ul, clinician_bolus_count, patient_bolus_count;

void bolus_patient(void);
void bolus_cancel(void);
/* Takes `volume` off the running bolus; returns what of it was due. */
uint32_t bolus_delivered(uint32_t volume);

#endif
