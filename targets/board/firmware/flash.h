/* Words written to and sectors erased in the chip's flash; every wait is bounded. */
#ifndef FLASH_H
#define FLASH_H

#include <stdint.h>

/* 1 when the flash holds what was written. `length` is rounded up to words. */
int flash_write(uint32_t address, const void *data, uint32_t length);
void flash_erase(uint32_t sector);

#endif
