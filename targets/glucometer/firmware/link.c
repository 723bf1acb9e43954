/* Who is connected; every layer begins anew with each connection. */
#include "link.h"
#include "att.h"
#include "glucose.h"
#include "l2cap.h"
#include "memory.h"
#include "smp.h"

uint8_t connected, link_encrypted, peer_address_type, peer_address[6];
uint16_t link_handle;

static void begin_anew(void) {
    link_encrypted = 0;
    l2cap_reset();
    att_reset();
    smp_reset();
    glucose_reset();
}

void link_opened(uint16_t handle, uint8_t type, const uint8_t *address) {
    begin_anew();
    link_handle = handle & 0xFFF;
    peer_address_type = type & 1;
    memcpy(peer_address, address, sizeof peer_address);
    connected = 1;
}

void link_closed(void) {
    begin_anew();
    connected = 0;
}
