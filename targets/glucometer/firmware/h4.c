/* H4 packets: received whole into one buffer, what does not fit is stepped over, and what is none restarts the wire. */
#include "h4.h"
#include "acl.h"
#include "hci.h"
#include "memory.h"
#include "profile.h"
#include "uart.h"

#define PACKET_MAX 264u
#define EVENT_HEAD 3u
#define ACL_HEAD 5u
#define PACKET_OUT_MAX 300u

static uint8_t packet[PACKET_MAX];
static uint32_t received;

static uint32_t head_size(void) { return packet[0] == H4_EVENT ? EVENT_HEAD : ACL_HEAD; }

static uint32_t whole_size(void) {
    if (packet[0] == H4_EVENT) return EVENT_HEAD + packet[2];
    return ACL_HEAD + load16(packet + 3);
}

static uint32_t missing(void) {
    if (received == 0) return 1;
    if (received < head_size()) return head_size() - received;
    return whole_size() - received;
}

static void serve(uint32_t size) {
    if (size > PACKET_MAX) return;
    if (packet[0] == H4_EVENT) hci_event(packet + 1, size - 1);
    else acl_received(packet + 1, size - 1);
}

/* Behind a byte that is no packet's type, nothing can be understood: the controller is reset. */
static uint32_t take(const uint8_t *data, uint32_t available) {
    uint32_t wanted = missing(), count = available < wanted ? available : wanted;
    uint32_t room = received < PACKET_MAX ? PACKET_MAX - received : 0;
    memcpy(packet + (received < PACKET_MAX ? received : 0), data, count < room ? count : room);
    received += count;
    if (packet[0] != H4_EVENT && packet[0] != H4_ACL) {
        received = 0;
        hci_restart();
    } else if (received >= head_size() && missing() == 0) {
        uint32_t size = received;
        received = 0;
        serve(size);
    }
    return count;
}

void h4_poll(void) {
    const uint8_t *data;
    uint32_t available;
    while ((available = uart_peek(UART_HCI, &data)) != 0) uart_consume(UART_HCI, take(data, available));
}

int h4_begin(enum h4 type, struct text *out) {
    uint8_t *buffer = uart_reserve(UART_HCI);
    if (!buffer) return 0;
    *out = (struct text){buffer, 0, PACKET_OUT_MAX};
    text_byte(out, (uint8_t)type);
    return 1;
}

void h4_end(const struct text *out) { uart_commit(UART_HCI, out->length); }
