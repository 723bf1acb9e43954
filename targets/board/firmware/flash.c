/* Words written to and sectors erased in the chip's flash (RM0090 ch. 3). */
#include "flash.h"
#include "board.h"
#include "memory.h"

static void wait_ready(void) {
    for (uint32_t patience = HARDWARE_PATIENCE; patience && (FLASH_SR & FLASH_BSY);) patience--;
}

static void unlock(void) {
    if (!(FLASH_CR & FLASH_LOCK)) return;
    FLASH_KEYR = 0x45670123u;
    FLASH_KEYR = 0xCDEF89ABu;
}

static void program(uint32_t address, const uint8_t *data, uint32_t length) {
    FLASH_CR = FLASH_PSIZE_32 | FLASH_PG;
    for (uint32_t done = 0; done < length; done += 4) {
        uint32_t word = 0xFFFFFFFFu;
        memcpy(&word, data + done, length - done < 4 ? length - done : 4);
        REG(address + done) = word;
        wait_ready();
    }
    FLASH_CR = FLASH_LOCK;
}

int flash_write(uint32_t address, const void *data, uint32_t length) {
    wait_ready();
    unlock();
    program(address, data, length);
    return memcmp((const void *)(uintptr_t)address, data, length) == 0;
}

void flash_erase(uint32_t sector) {
    wait_ready();
    unlock();
    FLASH_CR = FLASH_PSIZE_32 | FLASH_SER | sector << 3;
    FLASH_CR = FLASH_PSIZE_32 | FLASH_SER | sector << 3 | FLASH_STRT;
    wait_ready();
    FLASH_CR = FLASH_LOCK;
}
