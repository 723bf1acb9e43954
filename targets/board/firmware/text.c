/* Text built into a bounded buffer: a small printf, and little-endian numbers. */
#include "text.h"
#include "memory.h"

void text_byte(struct text *out, uint8_t byte) {
    if (out->length < out->size) out->data[out->length++] = byte;
}

void text_bytes(struct text *out, const void *data, uint32_t length) {
    uint32_t room = out->size - out->length, count = length < room ? length : room;
    memcpy(out->data + out->length, data, count);
    out->length += count;
}

void text_string(struct text *out, const char *string) {
    uint32_t at = out->length;
    while (*string && at < out->size) out->data[at++] = (uint8_t)*string++;
    out->length = at;
}

void text_u16(struct text *out, uint32_t value) {
    text_byte(out, (uint8_t)value);
    text_byte(out, (uint8_t)(value >> 8));
}

void text_u32(struct text *out, uint32_t value) {
    text_u16(out, value);
    text_u16(out, value >> 16);
}

static void number(struct text *out, uint32_t value, uint32_t base) {
    char digits[10];
    uint32_t count = 0;
    do digits[count++] = "0123456789ABCDEF"[value % base];
    while ((value /= base) != 0);
    while (count) text_byte(out, (uint8_t)digits[--count]);
}

static void signed_number(struct text *out, int32_t value) {
    if (value < 0) text_byte(out, '-');
    number(out, value < 0 ? 0u - (uint32_t)value : (uint32_t)value, 10);
}

void text_format(struct text *out, const char *format, va_list arguments) {
    for (;; format++) {
        const char *literal = format;
        while (*format && *format != '%') format++;
        text_bytes(out, literal, (uint32_t)(format - literal));
        if (!*format || !format[1]) return;
        switch (*++format) {
            case 's': text_string(out, va_arg(arguments, const char *)); break;
            case 'u': number(out, va_arg(arguments, uint32_t), 10); break;
            case 'd': signed_number(out, va_arg(arguments, int32_t)); break;
            case 'x': number(out, va_arg(arguments, uint32_t), 16); break;
            case 'c': text_byte(out, (uint8_t)va_arg(arguments, int)); break;
            default: text_byte(out, (uint8_t)*format);
        }
    }
}

void text_print(struct text *out, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    text_format(out, format, arguments);
    va_end(arguments);
}

uint32_t string_length(const char *string) {
    uint32_t length = 0;
    while (string[length]) length++;
    return length;
}

uint16_t load16(const uint8_t *data) { return (uint16_t)(data[0] | data[1] << 8); }

uint32_t load32(const uint8_t *data) { return load16(data) | (uint32_t)load16(data + 2) << 16; }
