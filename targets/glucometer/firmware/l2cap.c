/* Reassembly: fragments are put together up to the length in the frame's header, then go to their channel. */
#include "l2cap.h"
#include "att.h"
#include "memory.h"
#include "profile.h"
#include "smp.h"
#include "text.h"

#define HEAD 4u

static void deliver(const uint8_t *frame, uint32_t length) {
    switch (load16(frame + 2)) {
        case CHANNEL_ATT: att_received(frame + HEAD, length - HEAD); break;
        case CHANNEL_SIGNALLING: signalling_received(frame + HEAD, length - HEAD); break;
        case CHANNEL_SMP: smp_received(frame + HEAD, length - HEAD); break;
        default: break;
    }
}

/* `expected` is 0 while no frame is under way. */
static struct {
    uint32_t received, expected;
    uint8_t frame[HEAD + SERVER_MTU];
} reassembly;

void l2cap_reset(void) { reassembly.expected = reassembly.received = 0; }

/* What the header announces has to fit, and no fragment may bring more than is left of it. */
static int fits(uint32_t length) {
#ifdef FAULT_FRAGMENT_LENGTH
    (void)length;
    return reassembly.expected <= sizeof reassembly.frame;
#else
    return reassembly.expected <= sizeof reassembly.frame && length <= reassembly.expected - reassembly.received;
#endif
}

/* The room for what is still to come is cleared. */
static void append(const uint8_t *data, uint32_t length) {
    if (!fits(length)) {
        reassembly.expected = 0;
        return;
    }
    memcpy(reassembly.frame + reassembly.received, data, length);
    reassembly.received += length;
    memset(reassembly.frame + reassembly.received, 0, reassembly.expected - reassembly.received);
    if (reassembly.received < reassembly.expected) return;
    uint32_t whole = reassembly.expected;
    reassembly.expected = 0;
    deliver(reassembly.frame, whole);
}

/* A frame's start ends the one before, whole or not. A start without a whole header is nobody's. */
void l2cap_fragment(int continuing, const uint8_t *data, uint32_t length) {
    if (!continuing) {
        reassembly.received = 0;
        reassembly.expected = length < HEAD ? 0 : HEAD + load16(data);
    }
    if (reassembly.expected) append(data, length);
}
