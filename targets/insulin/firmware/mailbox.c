/* The mailbox: receiver that resynchronizes on silence, one result for each read and write. */
#include "mailbox.h"
#include "bonds.h"
#include "clock.h"
#include "connection.h"
#include "gatt.h"
#include "indications.h"
#include "memory.h"
#include "profile.h"
#include "text.h"
#include "uart.h"

#define FRAME_MAX 600u
#define HEAD 2u
#define BYTE_US 87u /* on the wire */

static uint8_t frame[HEAD + FRAME_MAX];
static uint32_t received;
static uint8_t lost;
static uint64_t last_byte_us;

static void finish(struct text *out) {
    uint32_t length = out->length - HEAD;
    out->data[0] = (uint8_t)length;
    out->data[1] = (uint8_t)(length >> 8);
    uart_commit(UART_MAILBOX, out->length);
}

int mailbox_send(enum mailbox op, const uint8_t *body, uint32_t length) {
    uint8_t *buffer = uart_reserve(UART_MAILBOX);
    if (!buffer) return 0;
    struct text out = {buffer, HEAD, HEAD + FRAME_MAX};
    text_byte(&out, (uint8_t)op);
    text_bytes(&out, body, length);
    finish(&out);
    return 1;
}

int mailbox_send_value(enum mailbox op, uint16_t attribute, const uint8_t *value, uint32_t length) {
    uint8_t *buffer = uart_reserve(UART_MAILBOX);
    if (!buffer) return 0;
    struct text out = {buffer, HEAD, HEAD + FRAME_MAX};
    text_byte(&out, (uint8_t)op);
    text_u16(&out, attribute);
    text_bytes(&out, value, length);
    finish(&out);
    return 1;
}

/* The result is built in the buffer that mailbox_poll() has made sure of. */
static void answer(enum mailbox op, const uint8_t *body, uint32_t length) {
    struct text out = {uart_reserve(UART_MAILBOX), HEAD, HEAD + FRAME_MAX};
    text_byte(&out, MAILBOX_RESULT);
    text_byte(&out, ATT_OK);
    uint32_t start = out.length;
    out.size = start + VALUE_MAX;
    enum att error = ATT_INVALID_LENGTH;
    if (op == MAILBOX_READ && length == 2) error = gatt_read(load16(body), &out);
    if (op == MAILBOX_WRITE && length >= 3) error = gatt_write(load16(body), body + 3, length - 3);
    if (error != ATT_OK) out.length = start;
    out.data[start - 1] = (uint8_t)error;
    finish(&out);
}

static void serve(const uint8_t *body, uint32_t length) {
    switch (frame[HEAD]) {
        case MAILBOX_CONNECTED: connection_opened(body, length); break;
        case MAILBOX_DISCONNECTED: connection_closed(); break;
        case MAILBOX_WRITE:
        case MAILBOX_READ: answer(frame[HEAD], body, length); break;
        case MAILBOX_SECURITY: connection_security(body, length); break;
        case MAILBOX_SUBSCRIBE: connection_subscribe(body, length); break;
        case MAILBOX_CONFIRMED: indications_confirmed(); break;
        case MAILBOX_MTU: connection_mtu(body, length); break;
        case MAILBOX_BOND: bonds_paired(body, length); break;
        case MAILBOX_PING: mailbox_send(MAILBOX_PONG, 0, 0); break;
        default: break;
    }
}

static uint32_t missing(void) {
    if (received < HEAD) return HEAD - received;
    return HEAD + load16(frame) - received;
}

static void check_length(void) {
    uint32_t length = load16(frame);
    if (length < 1 || length > FRAME_MAX) lost = 1;
}

/* A length that cannot be leaves us without a frame's start: only silence gives one back. */
static uint32_t take(const uint8_t *data, uint32_t available) {
    if (lost) return available;
    uint32_t wanted = missing(), count = available < wanted ? available : wanted;
    memcpy(frame + received, data, count);
    received += count;
    if (received == HEAD) check_length();
    if (!lost && received > HEAD && missing() == 0) {
        uint32_t length = received - HEAD - 1;
        received = 0;
        serve(frame + HEAD + 1, length);
    }
    return count;
}

/* The bytes may have come in one piece since the last look: what they took on the wire was no silence. */
static void drop_after_silence(uint32_t available) {
    uint64_t now = clock_us();
    if (now - last_byte_us > INTER_FRAME_SILENCE_US + available * BYTE_US) received = lost = 0;
    last_byte_us = now;
}

void mailbox_poll(void) {
    const uint8_t *data;
    uint32_t available = uart_peek(UART_MAILBOX, &data);
    if (!available) return;
    drop_after_silence(available);
    while (available && uart_reserve(UART_MAILBOX)) {
        uint32_t count = take(data, available);
        uart_consume(UART_MAILBOX, count);
        available = uart_peek(UART_MAILBOX, &data);
    }
}
