/* The factory's data. They are read through a volatile, because a device's own stand in the same place of the flash. */
#include "identity.h"

const volatile struct identity identity_flash = {{0x01, 0x00, 0x33, 0x4D, 0x47, 0xC7}, 1};
struct identity identity;

void identity_load(void) {
    for (uint32_t i = 0; i < sizeof identity.address; i++) identity.address[i] = identity_flash.address[i];
    identity.address_type = identity_flash.address_type;
}
