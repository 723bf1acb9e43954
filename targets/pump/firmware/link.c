/* Frames of the maintenance link: receiver, CRC, reply. */
#include "link.h"
#include "clock.h"
#include "commands.h"
#include "crc.h"
#include "memory.h"
#include "profile.h"
#include "uart.h"

#define START 0xA5u
#define REPLY 0x80u
#define ERROR 0xFFu
#define HEAD 5u /* start, length, sequence, command */
#define LENGTH_MIN 2u
#define LENGTH_MAX (2u + FRAME_BODY_MAX)
#define FRAME_MAX (3u + LENGTH_MAX + 2u)

static uint8_t frame[FRAME_MAX];
static uint32_t received;
static uint64_t last_byte_us;

static void finish(struct text *out) {
    uint32_t length = out->length - 3;
    out->data[1] = (uint8_t)length;
    out->data[2] = (uint8_t)(length >> 8);
    out->size = UART_SLOT_SIZE;
    text_u16(out, crc16(out->data + 1, out->length - 1));
    uart_commit(UART_LINK, out->length);
}

static struct text start(uint8_t *buffer, uint8_t sequence, uint8_t command) {
    struct text out = {buffer, HEAD, HEAD + FRAME_BODY_MAX};
    buffer[0] = START;
    buffer[3] = sequence;
    buffer[4] = command;
    return out;
}

int link_send(uint8_t sequence, uint8_t command, const uint8_t *body, uint32_t length) {
    uint8_t *buffer = uart_reserve(UART_LINK);
    if (!buffer) return 0;
    struct text out = start(buffer, sequence, command);
    text_bytes(&out, body, length);
    finish(&out);
    return 1;
}

static void refuse(uint8_t sequence, enum status status) {
    uint8_t body = (uint8_t)status;
    link_send(sequence, ERROR, &body, 1);
}

static void serve(uint32_t length) {
    uint8_t sequence = frame[3], command = frame[4];
    if (load16(frame + 3 + length) != crc16(frame + 1, length + 2)) {
        refuse(sequence, STATUS_BAD_CRC);
        return;
    }
    uint8_t *buffer = uart_reserve(UART_LINK);
    if (!buffer) return;
    struct text out = start(buffer, sequence, command | REPLY);
    if (command_run(command, frame + HEAD, length - 2, &out) == STATUS_UNKNOWN) {
        buffer[4] = ERROR;
        text_byte(&out, STATUS_UNKNOWN);
    }
    finish(&out);
}

/* How many more bytes the frame needs; 0 when it is whole. */
static uint32_t missing(void) {
    if (received < 3) return 3 - received;
    return 3 + load16(frame + 1) + 2 - received;
}

static void check_length(void) {
    uint32_t length = load16(frame + 1);
    if (length >= LENGTH_MIN && length <= LENGTH_MAX) return;
    received = 0;
    refuse(0, STATUS_BAD_LENGTH);
}

static uint32_t take(const uint8_t *data, uint32_t available) {
    if (received == 0 && data[0] != START) return 1;
    uint32_t wanted = missing(), count = available < wanted ? available : wanted;
    memcpy(frame + received, data, count);
    uint32_t before = received;
    received += count;
    if (before < 3 && received >= 3) check_length();
    if (received >= 3 && missing() == 0) {
        uint32_t length = load16(frame + 1);
        received = 0;
        serve(length);
    }
    return count;
}

/* The bytes may have come in one piece since the last look: what they took on the wire was no silence. */
static void drop_after_silence(uint32_t available) {
    uint64_t now = clock_us();
    if (now - last_byte_us > INTER_BYTE_TIMEOUT_US + available * BYTE_US) received = 0;
    last_byte_us = now;
}

void link_poll(void) {
    const uint8_t *data;
    uint32_t available = uart_peek(UART_LINK, &data);
    if (!available) return;
    drop_after_silence(available);
    while (available && uart_reserve(UART_LINK)) {
        uint32_t count = take(data, available);
        uart_consume(UART_LINK, count);
        available = uart_peek(UART_LINK, &data);
    }
}
