/* The Security Manager (Core 5.4 vol 3 part H) as a responder: legacy pairing, Just Works. */
#ifndef SMP_H
#define SMP_H

#include <stdint.h>

void smp_reset(void);
void smp_received(const uint8_t *pdu, uint32_t length);
/* The key that the link is to be encrypted with, or 0. `random` has 8 bytes. */
const uint8_t *smp_key(uint16_t diversifier, const uint8_t *random);
void smp_encryption(int on);

#endif
