/* ACL data packets: handle and flags, length, fragment. Frames wait in a ring for the controller's buffers. */
#include "acl.h"
#include "att.h"
#include "h4.h"
#include "l2cap.h"
#include "link.h"
#include "memory.h"
#include "profile.h"
#include "text.h"

#define FRAME_HEAD 4u
#define FRAME_MAX (FRAME_HEAD + SERVER_MTU)
#define BOUNDARY_SHIFT 12
#define CONTINUING 1u

struct frame {
    uint32_t length, sent;
    uint8_t data[FRAME_MAX];
};

static struct frame frames[FRAMES];
static uint32_t first, waiting, fragment_max = 27, buffers = 1, under_way;

void acl_buffers(uint32_t length, uint32_t count) {
    fragment_max = length < FRAME_HEAD ? 27 : length;
    buffers = count ? count : 1;
}

void acl_reset(void) { first = waiting = under_way = 0; }

void acl_received(const uint8_t *data, uint32_t length) {
    uint32_t head = load16(data);
    if (!connected || (head & 0xFFF) != link_handle) return;
    l2cap_fragment(((head >> BOUNDARY_SHIFT) & 3) == CONTINUING, data + 4, length - 4);
}

void acl_completed(uint32_t count) {
    under_way = count < under_way ? under_way - count : 0;
    if (!under_way && !waiting) att_sent();
}

void acl_send(uint16_t channel, const uint8_t *pdu, uint32_t length) {
    if (!connected || waiting == FRAMES || length > SERVER_MTU) return;
    struct frame *frame = &frames[(first + waiting++) % FRAMES];
    struct text out = {frame->data, 0, FRAME_MAX};
    text_u16(&out, length);
    text_u16(&out, channel);
    text_bytes(&out, pdu, length);
    frame->length = out.length;
    frame->sent = 0;
}

/* The next fragment of the oldest frame; 0 while the wire is busy. */
static int send_fragment(struct frame *frame) {
    struct text out;
    uint32_t left = frame->length - frame->sent, count = left < fragment_max ? left : fragment_max;
    if (!h4_begin(H4_ACL, &out)) return 0;
    text_u16(&out, link_handle | (frame->sent ? CONTINUING << BOUNDARY_SHIFT : 0));
    text_u16(&out, count);
    text_bytes(&out, frame->data + frame->sent, count);
    h4_end(&out);
    frame->sent += count;
    under_way++;
    return 1;
}

void acl_task(void) {
    while (waiting && under_way < buffers && send_fragment(&frames[first])) {
        if (frames[first].sent < frames[first].length) continue;
        first = (first + 1) % FRAMES;
        waiting--;
    }
}
