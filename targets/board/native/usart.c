/* USART (RM0090 ch. 30): paced wire, byte interrupts, idle-line detection, receive and transmit DMA requests. */
#include "board.h"
#include <string.h>

enum { SR = 0, DR = 1, BRR = 2, CR1 = 3, CR3 = 5 };
enum { ORE = 1 << 3, IDLE = 1 << 4, RXNE = 1 << 5, TC = 1 << 6, TXE = 1 << 7 };
enum { UE = 1 << 13, RE = 1 << 2, IDLEIE = 1 << 4, RXNEIE = 1 << 5, TCIE = 1 << 6, TXEIE = 1 << 7 };
enum { DMAR = 1 << 6, DMAT = 1 << 7 };
enum { BITS_PER_BYTE = 10, SMALLEST_DIVISOR = 32 };

static struct usart *usart_of(struct board *b, const struct device *d) { return &b->shared.state.usarts[d->slot]; }
static struct wire *wire_of(struct board *b, const struct device *d) { return &b->wires[d->slot]; }

static uint64_t byte_cycles(struct board *b, const struct device *d) {
    uint32_t divisor = d->registers[BRR] < SMALLEST_DIVISOR ? SMALLEST_DIVISOR : d->registers[BRR];
    return (uint64_t)divisor * BITS_PER_BYTE * usart_of(b, d)->divider;
}

static void update(struct board *b, struct device *d) {
    uint32_t enables = d->registers[CR1], flags = 0;
    if (enables & RXNEIE) flags |= RXNE | ORE;
    if (enables & IDLEIE) flags |= IDLE;
    flags |= enables & (TCIE | TXEIE); /* these two have the bits of their flags */
    board_line(b, d->exceptions[0], (d->registers[SR] & flags) != 0);
}

static void raise(struct board *b, struct device *d, uint32_t flag) {
    d->registers[SR] |= flag;
    update(b, d);
}

/* The stream that takes received bytes, and its room; NULL when bytes go by interrupt. */
static const struct route *receiver(struct board *b, const struct device *d, uint32_t *room) {
    *room = 0;
    if (!(d->registers[CR3] & DMAR)) return NULL;
    for (uint32_t i = 0; i < d->receiver_count; i++) {
        const struct route *r = &d->receivers[i];
        if ((*room = dma_room(b, &b->devices[r->device], r->stream, r->channel))) return r;
    }
    return NULL;
}

static void plan(struct board *b, struct device *d) {
    struct usart *u = usart_of(b, d);
    uint32_t room;
    receiver(b, d, &room);
    u->chunk = u->count < room ? u->count : room;
    if (!u->chunk) u->chunk = 1;
    uint64_t span = u->chunk + (u->chunk == u->count && room ? 1 : 0);
    board_arm(b, d->sources[0], board_now(b) + span * byte_cycles(b, d));
}

API int board_feed(struct board *b, int device, const uint8_t *data, uint32_t size) {
    struct device *d = &b->devices[device];
    struct usart *u = usart_of(b, d);
    struct wire *w = wire_of(b, d);
    int idle = !u->count;
    if (!make_room(w, u->count, size)) return -1;
    if (size) memcpy(w->incoming + u->count, data, size);
    u->count += size;
    if (idle) plan(b, d);
    return 0;
}

static void accept(struct board *b, struct device *d, const struct route *to, const uint8_t *data, uint32_t size) {
    if (to) {
        dma_deliver(b, &b->devices[to->device], to->stream, data, size);
        if (!usart_of(b, d)->count) raise(b, d, IDLE);
    } else if (d->registers[SR] & RXNE) raise(b, d, ORE);
    else {
        d->registers[DR] = data[size - 1];
        raise(b, d, RXNE);
    }
}

void usart_receive(struct board *b, struct device *d) {
    struct usart *u = usart_of(b, d);
    struct wire *w = wire_of(b, d);
    uint32_t room, size = u->chunk < u->count ? u->chunk : u->count;
    if (!u->count) {
        raise(b, d, IDLE);
        return;
    }
    const struct route *to = receiver(b, d, &room);
    if (to && room < size) size = room;
    const uint8_t *data = w->incoming + w->incoming_start;
    w->incoming_start += size;
    u->count -= size;
    if ((d->registers[CR1] & (UE | RE)) == (UE | RE)) accept(b, d, to, data, size);
    if (u->count) plan(b, d);
    else if (!to) board_arm(b, d->sources[0], board_now(b) + byte_cycles(b, d));
}

static void transmit(struct board *b, struct device *d, uint8_t byte) {
    struct usart *u = usart_of(b, d);
    uint64_t now = board_now(b), start = u->ends > now ? u->ends : now;
    int busy = u->ends > now;
    u->ends = start + byte_cycles(b, d);
    emit(b, d->slot, u->ends, &byte, 1);
    d->registers[SR] &= ~(uint32_t)(TC | (busy ? TXE : 0));
    board_arm(b, d->sources[1], busy ? start : u->ends);
    update(b, d);
}

void usart_transmitted(struct board *b, struct device *d) {
    struct usart *u = usart_of(b, d);
    d->registers[SR] |= TXE;
    if (u->ends > board_now(b)) board_arm(b, d->sources[1], u->ends);
    else d->registers[SR] |= TC;
    update(b, d);
}

uint64_t usart_transmit_block(struct board *b, struct device *d, const uint8_t *data, uint32_t size) {
    struct usart *u = usart_of(b, d);
    uint64_t now = board_now(b);
    u->ends = (now > u->ends ? now : u->ends) + size * byte_cycles(b, d);
    emit(b, d->slot, u->ends, data, size);
    d->registers[SR] &= ~(uint32_t)TC;
    board_arm(b, d->sources[1], u->ends);
    return u->ends;
}

int usart_sends_by_dma(const struct device *d) { return (d->registers[CR3] & DMAT) != 0; }

uint32_t usart_read(struct board *b, struct device *d, uint32_t offset) {
    struct usart *u = usart_of(b, d);
    if (offset == 4 * SR) u->status_read = 1;
    if (offset != 4 * DR) return plain_read(d, offset);
    d->registers[SR] &= ~(uint32_t)(RXNE | (u->status_read ? ORE | IDLE : 0));
    u->status_read = 0;
    update(b, d);
    return d->registers[DR] & 0x1FF;
}

void usart_write(struct board *b, struct device *d, uint32_t offset, uint32_t value) {
    if (offset == 4 * DR) {
        transmit(b, d, (uint8_t)value);
        return;
    }
    if (offset == 4 * SR) d->registers[SR] &= value | ~(uint32_t)(RXNE | TC);
    else plain_write(d, offset, value);
    update(b, d);
    if (offset != 4 * CR3 || !(value & DMAT)) return;
    for (uint32_t i = 0; i < d->transmitter_count; i++)
        dma_request(b, &b->devices[d->transmitters[i].device], d->transmitters[i].stream);
}
