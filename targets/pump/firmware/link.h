/* Frames of the maintenance link. */
#ifndef LINK_H
#define LINK_H

#include <stdint.h>

/* Takes received bytes; answers whole frames. */
void link_poll(void);
/* 0 when the transmit queue is full. */
int link_send(uint8_t sequence, uint8_t command, const uint8_t *body, uint32_t length);

#endif
