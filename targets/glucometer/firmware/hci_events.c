/* HCI events: command complete and status, connections, keys, encryption, and packets that the controller has sent. */
#include "hci_events.h"
#include "acl.h"
#include "console.h"
#include "hci.h"
#include "link.h"
#include "smp.h"
#include "text.h"

enum event {
    DISCONNECTION_COMPLETE = 0x05,
    ENCRYPTION_CHANGE = 0x08,
    COMMAND_COMPLETE = 0x0E,
    COMMAND_STATUS = 0x0F,
    HARDWARE_ERROR = 0x10,
    COMPLETED_PACKETS = 0x13,
    KEY_REFRESHED = 0x30,
    LE_META = 0x3E,
};
enum le_event { CONNECTION_COMPLETE = 0x01, KEY_REQUEST = 0x05 };

static void connection_complete(const uint8_t *body, uint32_t length) {
    if (length < 19) return;
    advertising = 0;
    if (body[1] == 0) link_opened(load16(body + 2), body[5], body + 6);
    else hci_advertise();
}

static void disconnected(const uint8_t *body, uint32_t length) {
    if (length < 4 || body[0] || load16(body + 1) != link_handle) return;
    link_closed();
    acl_reset();
    hci_advertise();
}

static void encryption_change(const uint8_t *body, uint32_t length, uint32_t enabled) {
    if (length < 3 || !connected || load16(body + 1) != link_handle) return;
    link_encrypted = body[0] == 0 && enabled;
    smp_encryption(link_encrypted);
}

static void key_request(const uint8_t *body, uint32_t length) {
    if (length >= 13 && connected && load16(body + 1) == link_handle) hci_reply_key(smp_key(load16(body + 11), body + 3));
}

static void completed_packets(const uint8_t *body, uint32_t length) {
    for (uint32_t at = 1; at + 4 <= length && at < 1u + 4u * body[0]; at += 4) {
        if (load16(body + at) == link_handle) acl_completed(load16(body + at + 2));
    }
}

static void le_meta(const uint8_t *body, uint32_t length) {
    if (length && body[0] == CONNECTION_COMPLETE) connection_complete(body, length);
    if (length && body[0] == KEY_REQUEST) key_request(body, length);
}

static void command_complete(const uint8_t *body, uint32_t length) {
    if (length < 3) return;
    hci_credit(body[0]);
    hci_completed(load16(body + 1), body + 3, length - 3);
}

static void command_status(const uint8_t *body, uint32_t length) {
    if (length < 4) return;
    hci_credit(body[1]);
    if (body[0]) hci_completed(load16(body + 2), body, 1);
}

/* Code, length and parameters; h4.c has made sure of the length. */
void hci_event(const uint8_t *event, uint32_t size) {
    const uint8_t *body = event + 2;
    uint32_t length = size - 2;
    switch (event[0]) {
        case DISCONNECTION_COMPLETE: disconnected(body, length); break;
        case ENCRYPTION_CHANGE: encryption_change(body, length, length > 3 && body[3]); break;
        case KEY_REFRESHED: encryption_change(body, length, 1); break;
        case COMMAND_COMPLETE: command_complete(body, length); break;
        case COMMAND_STATUS: command_status(body, length); break;
        case HARDWARE_ERROR: hci_restart(); break;
        case COMPLETED_PACKETS: completed_packets(body, length); break;
        case LE_META: le_meta(body, length); break;
        default: break;
    }
}
