/* SipHash-2-4, in pieces. */
#ifndef SIPHASH_H
#define SIPHASH_H

#include <stdint.h>

struct siphash {
    uint64_t v[4];
    uint64_t word;
    uint32_t length;
};

void siphash_start(struct siphash *state, const uint8_t key[16]);
void siphash_add(struct siphash *state, const uint8_t *data, uint32_t length);
void siphash_end(struct siphash *state, uint8_t mac[8]);

#endif
