/* HL7 v2: dispatch by message type, acknowledgement. */
#include "hl7.h"
#include "console.h"
#include "memory.h"
#include "patient.h"
#include "profile.h"

#define NAME_SIZE 228u /* HD: 227 characters */
#define QUERY_SIZE 17u

/* What the next reply says of the message it answers; the admitted patient is kept for the bedside display. */
static struct {
    char control_id[CONTROL_ID_SIZE];
    char admitted[12];
    char application[NAME_SIZE], facility[NAME_SIZE], query[QUERY_SIZE];
} context;
static uint32_t reply_number;

static const char *const details[] = {"", "segment", "field", "patient", "limit", "state"};

#ifdef FAULT_CONTROL_ID
static int keep_control_id(struct span id) {
    if (id.length < 1 || id.length > sizeof context.control_id) return 0;
    memcpy(context.control_id, id.data, id.length);
    if (id.length < sizeof context.control_id) context.control_id[id.length] = 0;
    return 1;
}
#else
static int keep_control_id(struct span id) {
    return id.length >= 1 && span_copy(id, context.control_id, sizeof context.control_id);
}
#endif

static void forget(void) {
    memset(&context, 0, sizeof context);
    memcpy(context.admitted, diagnostic_area.patient.identifier, sizeof context.admitted);
}

static int keep_header(const struct segment *header) {
    int fits = span_copy(hl7_field(header, 3), context.application, NAME_SIZE);
    fits &= span_copy(hl7_field(header, 4), context.facility, NAME_SIZE);
    return fits & keep_control_id(hl7_field(header, 10));
}

static void write_header(struct text *reply, const char *type, const char *code) {
    text_print(reply, "MSH|^~\\&|MP405|WARD3|%s|%s|||%s|P%u|P|2.6\rMSA|%s|%s\r", context.application, context.facility,
               type, ++reply_number, code, context.control_id);
}

static void acknowledge(struct text *reply, const char *code, enum hl7_error error) {
    write_header(reply, "ACK^O15", code);
    if (error != HL7_OK) text_print(reply, "ERR|||207^%s|E\r", details[error]);
}

static void report(struct hl7_message *message, struct text *reply) {
    const struct segment *query = hl7_segment(message, "QRD");
    if (!query || !span_copy(hl7_field(query, 4), context.query, QUERY_SIZE)) {
        acknowledge(reply, "AE", query ? HL7_FIELD : HL7_SEGMENT);
        return;
    }
    write_header(reply, "ORF^R04", "AA");
    text_print(reply, "QRD||R|I|%s\r", context.query);
    hl7_status(reply);
}

static void note_sender(void) {
#ifdef FAULT_CONSOLE_FORMAT
    console_print(context.application, reply_number + 1);
#else
    console_print("%s: message %u", context.application, reply_number + 1);
#endif
}

static void dispatch(struct hl7_message *message, struct span type, struct text *reply) {
    enum hl7_error error;
    if (span_is(type, "QRY^R02")) {
        report(message, reply);
        return;
    }
    note_sender();
    if (span_is(type, "RGV^O15")) {
        error = hl7_order(message);
    } else if (span_is(type, "ADT^A01")) {
        error = hl7_admission(message);
    } else {
        acknowledge(reply, "AR", HL7_OK);
        return;
    }
    acknowledge(reply, error == HL7_OK ? "AA" : "AE", error);
}

void hl7_answer(const uint8_t *data, uint32_t length, struct text *reply) {
    static struct hl7_message message;
    forget();
    if (!hl7_parse(&message, data, length)) {
        acknowledge(reply, "AR", HL7_OK);
        return;
    }
    if (!keep_header(&message.segments[0])) {
        acknowledge(reply, "AE", HL7_FIELD);
        return;
    }
    dispatch(&message, hl7_field(&message.segments[0], 9), reply);
}
