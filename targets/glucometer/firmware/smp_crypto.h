/* What legacy pairing computes; all values least significant byte first, as on the wire. */
#ifndef SMP_CRYPTO_H
#define SMP_CRYPTO_H

#include <stdint.h>

/* The two addresses and features that a confirm value stands for. */
struct pairing_sides {
    const uint8_t *request, *response;
    uint8_t initiator_type, responder_type;
    const uint8_t *initiator, *responder;
};

/* c1 (2.2.3) and s1 (2.2.4), with the temporary key of Just Works, 0. */
void smp_c1(const uint8_t random[16], const struct pairing_sides *sides, uint8_t confirm[16]);
void smp_s1(const uint8_t responder_random[16], const uint8_t initiator_random[16], uint8_t key[16]);

#endif
