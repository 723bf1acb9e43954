/* memcpy, memset and memcmp, which the compiler also calls by itself. */
#include "memory.h"

typedef uint32_t __attribute__((aligned(1), may_alias)) unaligned_word;

void *memcpy(void *to, const void *from, size_t length) {
    uint8_t *out = to;
    const uint8_t *in = from;
    /* The core loads and stores words at any address. */
    for (; length >= 4; length -= 4, in += 4, out += 4) *(unaligned_word *)out = *(const unaligned_word *)in;
    while (length--) *out++ = *in++;
    return to;
}

static uint8_t *fill_words(uint8_t *out, uint32_t word, size_t words) {
    uint32_t *at = (uint32_t *)(uintptr_t)out;
    while (words--) *at++ = word;
    return (uint8_t *)at;
}

void *memset(void *to, int value, size_t length) {
    uint8_t *out = to;
    while (length && ((uintptr_t)out & 3)) *out++ = (uint8_t)value, length--;
    out = fill_words(out, (uint8_t)value * 0x01010101u, length / 4);
    for (length &= 3; length; length--) *out++ = (uint8_t)value;
    return to;
}

int memcmp(const void *a, const void *b, size_t length) {
    const uint8_t *left = a, *right = b;
    for (; length; length--, left++, right++) {
        if (*left != *right) return *left - *right;
    }
    return 0;
}

/* The run-time ABI's names for the same (RTABI 4.3.4). */
void __aeabi_memcpy(void *to, const void *from, size_t length) { memcpy(to, from, length); }
void __aeabi_memcpy4(void *to, const void *from, size_t length) { memcpy(to, from, length); }
void __aeabi_memcpy8(void *to, const void *from, size_t length) { memcpy(to, from, length); }
void __aeabi_memset(void *to, size_t length, int value) { memset(to, value, length); }
void __aeabi_memset4(void *to, size_t length, int value) { memset(to, value, length); }
void __aeabi_memset8(void *to, size_t length, int value) { memset(to, value, length); }
void __aeabi_memclr(void *to, size_t length) { memset(to, 0, length); }
void __aeabi_memclr4(void *to, size_t length) { memset(to, 0, length); }
void __aeabi_memclr8(void *to, size_t length) { memset(to, 0, length); }
