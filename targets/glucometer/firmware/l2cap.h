/* L2CAP of LE (Core 5.4 vol 3 part A): frames of the three fixed channels, and signalling. */
#ifndef L2CAP_H
#define L2CAP_H

#include <stdint.h>

enum channel { CHANNEL_ATT = 4, CHANNEL_SIGNALLING = 5, CHANNEL_SMP = 6 };

void l2cap_reset(void);
void l2cap_fragment(int continuing, const uint8_t *data, uint32_t length);
void signalling_received(const uint8_t *pdu, uint32_t length);

#endif
