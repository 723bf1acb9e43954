/* Text built into a bounded buffer, and little-endian numbers. */
#ifndef TEXT_H
#define TEXT_H

#include <stdarg.h>
#include <stdint.h>

/* Bytes beyond `size` are counted as lost and not written. */
struct text {
    uint8_t *data;
    uint32_t length, size;
};

void text_byte(struct text *out, uint8_t byte);
void text_bytes(struct text *out, const void *data, uint32_t length);
void text_string(struct text *out, const char *string);
void text_u16(struct text *out, uint32_t value);
void text_u32(struct text *out, uint32_t value);
/* %s %u %d %x %c %% */
void text_format(struct text *out, const char *format, va_list arguments);
void text_print(struct text *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint32_t string_length(const char *string);
uint16_t load16(const uint8_t *data);
uint32_t load32(const uint8_t *data);

#endif
