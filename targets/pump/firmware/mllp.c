/* MLLP: 0B message 1C 0D; every frame is answered. */
#include "mllp.h"
#include "hl7.h"
#include "memory.h"
#include "profile.h"
#include "uart.h"

#define FRAME_START 0x0Bu
#define FRAME_END 0x1Cu
#define CR 0x0Du

static uint8_t message[MLLP_MAX];
static uint32_t received;
static enum { OUTSIDE, INSIDE } position;

/* A message that was longer than the buffer is answered as one that is not understood. */
static void serve(uint8_t *buffer) {
    struct text reply = {buffer, 0, UART_SLOT_SIZE - 2};
    text_byte(&reply, FRAME_START);
    hl7_answer(message, received <= MLLP_MAX ? received : 0, &reply);
    reply.size = UART_SLOT_SIZE;
    text_byte(&reply, FRAME_END);
    text_byte(&reply, CR);
    uart_commit(UART_NETWORK, reply.length);
}

/* The bytes at the front that belong to the message. */
static uint32_t content(const uint8_t *data, uint32_t available) {
    uint32_t count = 0;
    while (count < available && data[count] != FRAME_START && data[count] != FRAME_END) count++;
    return count;
}

static void keep(const uint8_t *data, uint32_t count) {
    if (received + count <= MLLP_MAX) {
        memcpy(message + received, data, count);
        received += count;
    } else {
        received = MLLP_MAX + 1;
    }
}

static void mark(uint8_t byte, uint8_t *buffer) {
    if (byte == FRAME_START) {
        position = INSIDE;
        received = 0;
    } else if (position == INSIDE) {
        position = OUTSIDE;
        serve(buffer);
    }
}

void mllp_poll(void) {
    const uint8_t *data;
    uint8_t *buffer;
    uint32_t available = uart_peek(UART_NETWORK, &data);
    while (available && (buffer = uart_reserve(UART_NETWORK)) != 0) {
        uint32_t used = content(data, available);
        if (position == INSIDE) keep(data, used);
        if (used < available) mark(data[used++], buffer);
        uart_consume(UART_NETWORK, used);
        available = uart_peek(UART_NETWORK, &data);
    }
}
