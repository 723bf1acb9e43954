/* CRC-16/CCITT-FALSE. */
#ifndef CRC_H
#define CRC_H

#include <stdint.h>

#define CRC16_START 0xFFFFu

uint16_t crc16(const uint8_t *data, uint32_t length);
uint16_t crc16_next(uint16_t crc, const uint8_t *data, uint32_t length);

#endif
