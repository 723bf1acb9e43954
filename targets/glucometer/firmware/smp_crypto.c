/* c1 and s1 on AES-128. AES counts bytes from the most significant one, SMP from the least. */
#include "smp_crypto.h"
#include "aes.h"
#include "memory.h"

#define FEATURES 7u
#define ADDRESS 6u

static const uint8_t just_works[16];

static void reverse(uint8_t to[16], const uint8_t from[16]) {
    for (uint32_t i = 0; i < 16; i++) to[i] = from[15 - i];
}

static void encrypt(uint8_t data[16]) {
    uint8_t block[16];
    reverse(block, data);
    aes128(just_works, block);
    reverse(data, block);
}

static void add(uint8_t to[16], const uint8_t other[16]) {
    for (uint32_t i = 0; i < 16; i++) to[i] ^= other[i];
}

void smp_c1(const uint8_t random[16], const struct pairing_sides *sides, uint8_t confirm[16]) {
    uint8_t first[16] = {sides->initiator_type, sides->responder_type}, second[16] = {0};
    memcpy(first + 2, sides->request, FEATURES);
    memcpy(first + 2 + FEATURES, sides->response, FEATURES);
    memcpy(second, sides->responder, ADDRESS);
    memcpy(second + ADDRESS, sides->initiator, ADDRESS);
    memcpy(confirm, random, 16);
    add(confirm, first);
    encrypt(confirm);
    add(confirm, second);
    encrypt(confirm);
}

void smp_s1(const uint8_t responder_random[16], const uint8_t initiator_random[16], uint8_t key[16]) {
    memcpy(key, initiator_random, 8);
    memcpy(key + 8, responder_random, 8);
    encrypt(key);
}
