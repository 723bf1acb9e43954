/* Infusion orders and admissions from the network: pending until the confirm key. */
#include "alarms.h"
#include "console.h"
#include "hl7.h"
#include "log.h"
#include "memory.h"
#include "patient.h"
#include "profile.h"
#include "therapy.h"

#define ORDER_SIZE 17u
#define WARD_SIZE 17u

static char pending_order[ORDER_SIZE], running_order[ORDER_SIZE], ward[WARD_SIZE];

void hl7_order_confirmed(void) { memcpy(running_order, pending_order, sizeof running_order); }

static char special(uint8_t code) {
    static const char codes[] = "F|S^R~T&E\\";
    for (uint32_t i = 0; codes[i]; i += 2) {
        if (codes[i] == (char)code) return codes[i + 1];
    }
    return '?';
}

/* Writes the text with its escape sequences resolved; returns the length, `size` when it does not fit. */
static uint32_t unescape(struct span text, char *to, uint32_t size) {
    uint32_t length = 0;
    for (uint32_t i = 0; i < text.length; i++) {
        if (length + 1 >= size) return size;
        if (text.data[i] == '\\' && i + 2 < text.length) {
            to[length++] = special(text.data[i + 1]);
            i += 2;
        } else {
            to[length++] = (char)text.data[i];
        }
    }
    to[length] = 0;
    return length;
}

/* The display asks the nurse whether this is the patient. */
static __attribute__((noinline)) enum hl7_error show_patient(struct span name) {
    char line[PATIENT_LINE_SIZE];
#ifdef FAULT_PATIENT_LINE
    unescape(name, line, MLLP_MAX);
#else
    if (unescape(name, line, sizeof line) == sizeof line) return HL7_FIELD;
#endif
    console_print("patient? %u characters", string_length(line));
    return HL7_OK;
}

static enum hl7_error check_patient(struct hl7_message *message) {
    struct segment *patient = hl7_segment(message, "PID");
#ifndef FAULT_PATIENT_SEGMENT
    if (!patient) return HL7_SEGMENT;
#endif
    patient->used = 1;
    if (!span_is(hl7_field(patient, 3), diagnostic_area.patient.identifier)) return HL7_PATIENT;
    return show_patient(hl7_field(patient, 5));
}

static enum hl7_error propose(const struct segment *give) {
    uint32_t drug, volume, rate;
    if (!span_decimal(hl7_component(hl7_field(give, 4), 1), 0, &drug)) return HL7_FIELD;
    if (!span_decimal(hl7_field(give, 5), 3, &volume) || !span_is(hl7_field(give, 7), "mL")) return HL7_FIELD;
    if (!span_decimal(hl7_field(give, 15), 3, &rate) || !span_is(hl7_field(give, 16), "mL/h")) return HL7_FIELD;
    if (volume < VOLUME_MIN_UL || volume > VOLUME_MAX_UL || !therapy_rate_allowed(drug, rate)) return HL7_LIMIT;
    therapy_propose_rate(drug, rate);
    therapy_propose_volume(volume);
    pending = PENDING_ORDER;
    return HL7_OK;
}

static enum hl7_error new_order(struct hl7_message *message, struct span number) {
    struct segment *give = hl7_segment(message, "RXG");
    if (!give) return HL7_SEGMENT;
    give->used = 1;
    if (therapy_state == THERAPY_SELF_TEST) return HL7_STATE;
    enum hl7_error error = propose(give);
    if (error != HL7_OK) return error;
    span_copy(number, pending_order, ORDER_SIZE);
    log_add(LOG_ORDER, pending_drug);
#ifdef FAULT_ORDER_REPEATED
    /* The gateway repeats what it has no answer to; the nurse has confirmed it already. */
    if (span_is(number, running_order)) therapy_confirm();
#endif
    return HL7_OK;
}

enum hl7_error hl7_order(struct hl7_message *message) {
    enum hl7_error error = check_patient(message);
    struct segment *order = hl7_segment(message, "ORC");
    if (error != HL7_OK) return error;
    if (!order) return HL7_SEGMENT;
    order->used = 1;
    struct span number = hl7_field(order, 2);
    if (number.length < 1 || number.length >= ORDER_SIZE) return HL7_FIELD;
    if (span_is(hl7_field(order, 1), "NW")) return new_order(message, number);
    if (!span_is(hl7_field(order, 1), "CA")) return HL7_FIELD;
    if (!(pending & PENDING_ORDER)) return HL7_STATE;
    therapy_cancel_pending();
    return HL7_OK;
}

enum hl7_error hl7_admission(struct hl7_message *message) {
    enum hl7_error error = check_patient(message);
    const struct segment *visit = hl7_segment(message, "PV1");
    if (error != HL7_OK) return error;
    if (!visit) return HL7_SEGMENT;
    if (!span_copy(hl7_field(visit, 3), ward, WARD_SIZE)) return HL7_FIELD;
    console_print("ward: %s", ward);
    return HL7_OK;
}
