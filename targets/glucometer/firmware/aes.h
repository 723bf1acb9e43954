/* AES-128, one block, encryption only (FIPS 197). */
#ifndef AES_H
#define AES_H

#include <stdint.h>

void aes128(const uint8_t key[16], uint8_t block[16]);

#endif
