/* Firmware update: image staged, verified, version accepted. */
#ifndef UPDATE_H
#define UPDATE_H

#include <stdint.h>

/* The version that the next start runs; nothing is flashed. */
extern uint16_t firmware_version;
extern uint32_t update_count;
extern uint8_t update_verified;

void update_abandon(void);

#endif
