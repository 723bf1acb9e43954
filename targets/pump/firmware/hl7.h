/* HL7 v2 messages: parsed in place, answered on the network module's UART. */
#ifndef HL7_H
#define HL7_H

#include <stdint.h>

#include "text.h"

#define HL7_SEGMENTS 12u

struct span {
    const uint8_t *data;
    uint32_t length;
};

struct segment {
    struct span text;
    uint8_t used;
};

struct hl7_message {
    struct segment segments[HL7_SEGMENTS];
    uint32_t count;
};

/* What failed, as the reply's ERR segment says it; HL7_OK when nothing did. */
enum hl7_error { HL7_OK, HL7_SEGMENT, HL7_FIELD, HL7_PATIENT, HL7_LIMIT, HL7_STATE };

/* 1 when the text is a message: an MSH segment with the standard delimiters, not too many segments. */
int hl7_parse(struct hl7_message *message, const uint8_t *data, uint32_t length);
/* The first segment of that name, or 0. */
struct segment *hl7_segment(struct hl7_message *message, const char *name);
/* Field `index` as the standard counts (MSH-1 is the separator); empty where there is none. */
struct span hl7_field(const struct segment *segment, uint32_t index);
struct span hl7_component(struct span field, uint32_t index);
int span_is(struct span span, const char *text);
/* 1 when the span is a number with at most `decimals` decimals; `value` is scaled by 10^decimals. */
int span_decimal(struct span span, uint32_t decimals, uint32_t *value);
/* Copies and terminates; 0 when the text does not fit in `size` bytes. */
int span_copy(struct span span, char *to, uint32_t size);

/* Answers one message of `length` bytes into `reply`. */
void hl7_answer(const uint8_t *data, uint32_t length, struct text *reply);
enum hl7_error hl7_order(struct hl7_message *message);
enum hl7_error hl7_admission(struct hl7_message *message);
void hl7_status(struct text *reply);
/* The confirm key was pressed on what is pending. */
void hl7_order_confirmed(void);

#endif
