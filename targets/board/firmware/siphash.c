/* SipHash-2-4 (Aumasson and Bernstein, 2012), in pieces. */
#include "siphash.h"

static uint64_t load64(const uint8_t *data) {
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--) value = value << 8 | data[i];
    return value;
}

static uint64_t rotate(uint64_t value, int bits) { return value << bits | value >> (64 - bits); }

static void mix(uint64_t v[4], int rounds) {
    for (; rounds; rounds--) {
        v[0] += v[1];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[0] = rotate(v[0], 32);
        v[2] += v[3];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[2] = rotate(v[2], 32);
    }
}

void siphash_start(struct siphash *state, const uint8_t key[16]) {
    uint64_t k0 = load64(key), k1 = load64(key + 8);
    state->v[0] = k0 ^ 0x736F6D6570736575ull;
    state->v[1] = k1 ^ 0x646F72616E646F6Dull;
    state->v[2] = k0 ^ 0x6C7967656E657261ull;
    state->v[3] = k1 ^ 0x7465646279746573ull;
    state->word = 0;
    state->length = 0;
}

static void add_word(struct siphash *state, uint64_t word) {
    state->v[3] ^= word;
    mix(state->v, 2);
    state->v[0] ^= word;
}

void siphash_add(struct siphash *state, const uint8_t *data, uint32_t length) {
    for (; length; length--) {
        state->word |= (uint64_t)*data++ << 8 * (state->length & 7);
        state->length++;
        if ((state->length & 7) == 0) {
            add_word(state, state->word);
            state->word = 0;
        }
    }
}

void siphash_end(struct siphash *state, uint8_t mac[8]) {
    add_word(state, state->word | (uint64_t)(state->length & 0xFF) << 56);
    state->v[2] ^= 0xFF;
    mix(state->v, 4);
    uint64_t value = state->v[0] ^ state->v[1] ^ state->v[2] ^ state->v[3];
    for (int i = 0; i < 8; i++) mac[i] = (uint8_t)(value >> 8 * i);
}
