/* DMA controller (RM0090 ch. 10): eight streams, for USARTs. */
#include "board.h"
#include <string.h>

enum { LIFCR = 0x08, HIFCR = 0x0C, STREAM0 = 0x10, STREAM_BYTES = 0x18 };
enum { STREAMS_END = STREAM0 + STREAMS * STREAM_BYTES };
enum { CR, NDTR, PAR, M0AR };
enum { EN = 1, HTIE = 1 << 3, TCIE = 1 << 4, CIRC = 1 << 8, TEIF = 1 << 3, HTIF = 1 << 4, TCIF = 1 << 5, FLAGS = 0x3F };
static const uint8_t SHIFT[4] = {0, 6, 16, 22};

static uint32_t *registers_of(const struct device *d, int stream) { return d->registers + STREAM0 / 4 + 6 * stream; }
static uint32_t *length_of(struct board *b, const struct device *d, int stream) {
    return &b->shared.state.dmas[d->slot].length[stream];
}

static void update(struct board *b, struct device *d, int stream) {
    uint32_t flags = d->registers[stream / 4] >> SHIFT[stream % 4], control = registers_of(d, stream)[CR];
    board_line(b, d->exceptions[stream], (flags & HTIF && control & HTIE) || (flags & TCIF && control & TCIE));
}

static void raise(struct board *b, struct device *d, int stream, uint32_t flag) {
    d->registers[stream / 4] |= flag << SHIFT[stream % 4];
    update(b, d, stream);
}

uint32_t dma_room(const struct board *b, const struct device *d, int stream, uint32_t channel) {
    const uint32_t *r = registers_of(d, stream);
    if (!(r[CR] & EN) || (r[CR] >> 25 & 7) != channel) return 0;
    uint32_t left = r[NDTR], half = b->shared.state.dmas[d->slot].length[stream] / 2;
    return left > half ? left - half : left;
}

static void count_down(struct board *b, struct device *d, int stream, uint32_t left) {
    uint32_t *r = registers_of(d, stream), length = *length_of(b, d, stream);
    r[NDTR] = left;
    if (!left) {
        if (r[CR] & CIRC) r[NDTR] = length;
        else r[CR] &= ~(uint32_t)EN;
        raise(b, d, stream, TCIF);
    } else if (left == length / 2) raise(b, d, stream, HTIF);
}

void dma_deliver(struct board *b, struct device *d, int stream, const uint8_t *data, uint32_t size) {
    uint32_t *r = registers_of(d, stream), left = r[NDTR];
    int64_t offset = (int64_t)r[M0AR] + *length_of(b, d, stream) - left - b->shared.ram_base;
    if (offset < 0 || offset > (int64_t)b->shared.ram_size - size) {
        raise(b, d, stream, TEIF);
        return;
    }
    memcpy(b->shared.ram + offset, data, size);
    count_down(b, d, stream, left - size);
}

static struct device *sends_to(struct board *b, const struct device *d, int stream, uint32_t channel) {
    for (uint32_t i = 0; i < d->transmitter_count; i++)
        if (d->transmitters[i].stream == stream && d->transmitters[i].channel == channel)
            return &b->devices[d->transmitters[i].device];
    return NULL;
}

void dma_request(struct board *b, struct device *d, int stream) {
    const uint32_t *r = registers_of(d, stream);
    if (!(r[CR] & EN) || !r[NDTR] || (r[CR] >> 6 & 3) != 1) return;
    struct device *usart = sends_to(b, d, stream, r[CR] >> 25 & 7);
    if (!usart || !usart_sends_by_dma(usart) || b->shared.state.due[d->sources[stream]] < NEVER) return;
    const uint8_t *data = memory_at(b, r[M0AR], r[NDTR]);
    if (!data) raise(b, d, stream, TEIF);
    else board_arm(b, d->sources[stream], usart_transmit_block(b, usart, data, r[NDTR]));
}

void dma_sent(struct board *b, struct device *d, int stream) {
    uint32_t *r = registers_of(d, stream);
    r[NDTR] = 0;
    r[CR] &= ~(uint32_t)EN;
    raise(b, d, stream, TCIF);
}

static void clear(struct board *b, struct device *d, int half, uint32_t flags) {
    uint32_t cleared = d->registers[half] & flags;
    d->registers[half] &= ~flags;
    for (int i = 0; i < 4; i++)
        if (cleared >> SHIFT[i] & FLAGS) update(b, d, 4 * half + i);
}

static void control(struct board *b, struct device *d, int stream, uint32_t value, uint32_t before) {
    if (value & EN && !(before & EN)) {
        *length_of(b, d, stream) = registers_of(d, stream)[NDTR];
        dma_request(b, d, stream);
    } else if (before & EN && !(value & EN)) board_disarm(b, d->sources[stream]);
    if ((value ^ before) & (HTIE | TCIE)) update(b, d, stream);
}

void dma_write(struct board *b, struct device *d, uint32_t offset, uint32_t value) {
    if (offset == LIFCR || offset == HIFCR) clear(b, d, (int)(offset - LIFCR) >> 2, value);
    if (offset < STREAM0 || offset >= STREAMS_END) return;
    int stream = (int)(offset - STREAM0) / STREAM_BYTES, which = (int)(offset - STREAM0) % STREAM_BYTES / 4;
    uint32_t before = d->registers[offset >> 2];
    d->registers[offset >> 2] = value;
    if (which == CR) control(b, d, stream, value, before);
    else if (which == NDTR && !(registers_of(d, stream)[CR] & EN)) *length_of(b, d, stream) = value & 0xFFFF;
}
