/* The one connection that this peripheral takes. */
#ifndef LINK_H
#define LINK_H

#include <stdint.h>

extern uint8_t connected, link_encrypted, peer_address_type, peer_address[6];
extern uint16_t link_handle;

void link_opened(uint16_t handle, uint8_t type, const uint8_t *address);
void link_closed(void);

#endif
