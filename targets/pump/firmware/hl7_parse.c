/* HL7 v2 messages parsed in place: segments, fields, components, numbers. */
#include "hl7.h"
#include "memory.h"

#define CR 0x0Du

static struct span until(struct span text, uint8_t end) {
    struct span part = {text.data, 0};
    while (part.length < text.length && text.data[part.length] != end) part.length++;
    return part;
}

static struct span behind(struct span text, struct span part) {
    uint32_t skipped = part.length < text.length ? part.length + 1 : text.length;
    return (struct span){text.data + skipped, text.length - skipped};
}

int hl7_parse(struct hl7_message *message, const uint8_t *data, uint32_t length) {
    struct span rest = {data, length};
    message->count = 0;
    if (length < 9 || memcmp(data, "MSH|^~\\&|", 9) != 0) return 0;
    while (rest.length) {
        struct span line = until(rest, CR);
        rest = behind(rest, line);
        if (line.length == 0) continue;
        if (message->count == HL7_SEGMENTS) return 0;
        message->segments[message->count++] = (struct segment){line, 0};
    }
    return 1;
}

struct segment *hl7_segment(struct hl7_message *message, const char *name) {
    for (uint32_t i = 0; i < message->count; i++) {
        struct segment *segment = &message->segments[i];
        if (segment->text.length >= 4 && memcmp(segment->text.data, name, 3) == 0 && segment->text.data[3] == '|') {
            return segment;
        }
    }
    return 0;
}

static struct span nth(struct span text, uint32_t index, uint8_t separator) {
    struct span part = until(text, separator);
    for (; index; index--) {
        text = behind(text, part);
        part = until(text, separator);
    }
    return part;
}

struct span hl7_field(const struct segment *segment, uint32_t index) {
    int header = segment->text.data[0] == 'M' && segment->text.data[1] == 'S' && segment->text.data[2] == 'H';
    return nth(segment->text, header ? index - 1 : index, '|');
}

struct span hl7_component(struct span field, uint32_t index) { return nth(field, index - 1, '^'); }

int span_is(struct span span, const char *text) {
    return span.length == string_length(text) && memcmp(span.data, text, span.length) == 0;
}

static int digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }

int span_decimal(struct span span, uint32_t decimals, uint32_t *value) {
    uint32_t number = 0, digits = 0, i = 0;
    for (; i < span.length && digit(span.data[i]); i++, digits++) {
        if (digits == 6) return 0;
        number = number * 10 + (uint32_t)(span.data[i] - '0');
    }
    if (digits == 0) return 0;
    if (i < span.length && span.data[i++] != '.') return 0;
    for (; decimals; decimals--) {
        uint32_t next = i < span.length ? (uint32_t)(span.data[i++] - '0') : 0;
        if (next > 9) return 0;
        number = number * 10 + next;
    }
    *value = number;
    return i == span.length;
}

int span_copy(struct span span, char *to, uint32_t size) {
    if (span.length >= size) return 0;
    memcpy(to, span.data, span.length);
    to[span.length] = 0;
    return 1;
}
