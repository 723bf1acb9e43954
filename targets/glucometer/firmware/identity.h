/* What the factory wrote into this device: the address that it advertises. */
#ifndef IDENTITY_H
#define IDENTITY_H

#include <stdint.h>

/* Least significant byte first; type 0 public (the controller's own), 1 random static. */
struct identity {
    uint8_t address[6];
    uint8_t address_type;
};

extern const volatile struct identity identity_flash;
extern struct identity identity;

void identity_load(void);

#endif
