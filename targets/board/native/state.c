/* A machine's making, its parts, and its snapshots. */
#include "board.h"
#include <stdlib.h>
#include <string.h>

API struct board *board_new(const struct unicorn *unicorn, const struct python *python, const int *ids) {
    struct board *b = calloc(1, sizeof *b);
    if (!b) return NULL;
    b->unicorn = *unicorn;
    b->python = *python;
    for (int i = 0; i < REGISTERS; i++) {
        b->ids[i] = ids[i];
        b->pointers[i] = &b->values[i];
    }
    for (int i = 0; i < SOURCES; i++) b->shared.state.due[i] = NEVER;
    b->shared.state.next = b->shared.first_output = NEVER;
    b->shared.guard = -1;
    return b;
}

API void board_delete(struct board *b) {
    for (int i = 0; i < USARTS; i++) {
        free(b->wires[i].incoming);
        free(b->wires[i].bytes);
        free(b->wires[i].outputs);
    }
    free(b->automatic.spin.addresses);
    free(b->automatic.proof.ram);
    unknown_delete(&b->automatic.unknown);
    trials_delete(&b->automatic.trials);
    free(b->samples);
    free(b->seen);
    free(b);
}

API struct shared *board_shared(struct board *b) { return &b->shared; }

/* Once the memories are told. */
API int board_ready(struct board *b) {
    b->seen = calloc((b->shared.flash_size >> BLOCK_BITS) + 1, 1);
    return b->seen ? 0 : -1;
}

/* RAM besides the one of the stack, from which code and tables may be read. */
API int board_more(struct board *b, uint32_t base, uint32_t size, const uint8_t *bytes) {
    if (b->more_count == MORE) return -1;
    b->more[b->more_count].base = base, b->more[b->more_count].size = size, b->more[b->more_count].bytes = bytes;
    b->more_count++;
    return 0;
}
API size_t board_shared_size(void) { return offsetof(struct shared, state) + offsetof(struct state, due); }

/* What Unicorn hands to the callbacks of one mapped region. */
API struct region *board_region(struct board *b, uint64_t base) {
    if (b->region_count == sizeof b->regions / sizeof *b->regions) return NULL;
    b->regions[b->region_count] = (struct region){b, base};
    return &b->regions[b->region_count++];
}

static uint32_t slots_of(enum kind kind) {
    switch (kind) {
    case USART: return USARTS;
    case TIMER: return TIMERS;
    case DMA: return DMAS;
    case ADC: return ADCS;
    case SYSTEM: case WATCHDOG: return 1;
    default: return DEVICES;
    }
}

/* Take over a register bank of `words` words; returns its number, or -1 where there is no room left. */
API int board_attach(struct board *b, int kind, uint32_t words, uint32_t mask) {
    struct shared *s = &b->shared;
    if (b->device_count == DEVICES || b->slots[kind] == slots_of(kind)) return -1;
    if ((uint32_t)s->word_count + words > WORDS) return -1;
    struct device *d = &b->devices[b->device_count];
    *d = (struct device){.kind = (enum kind)kind, .words = words, .mask = mask, .slot = b->slots[kind]++};
    d->registers = s->state.words + s->word_count;
    s->word_count += (int32_t)words;
    if (kind == SYSTEM) b->system = d;
    if (kind == USART) b->usarts[d->slot] = d;
    return (int)b->device_count++;
}

API uint32_t *board_registers(struct board *b, int device) { return b->devices[device].registers; }
API int32_t *board_inputs(struct board *b, int device) { return b->shared.state.adcs[b->devices[device].slot].inputs; }

/* Which interrupt a part of a device raises, and which deadline is its own (-1: none). */
API int board_wire(struct board *b, int device, int part, int exception, int source) {
    struct device *d = &b->devices[device];
    if (part >= PARTS || (source >= 0 && part >= STREAMS)) return -1;
    d->exceptions[part] = exception;
    if (source < 0) return 0;
    d->sources[part] = source;
    if (d->kind != WATCHDOG) b->sources[source] = (struct source){(uint8_t)d->kind, (uint8_t)part, (uint16_t)device};
    return 0;
}

API int board_map(struct board *b, int device, uint32_t base, uint32_t size) {
    b->devices[device].base = base;
    for (uint32_t page = base >> 10; page < (base + size) >> 10; page++) map_page(b, page, (uint32_t)device);
    return 0;
}

API int board_receives(struct board *b, int usart, int dma, int stream, int channel) {
    struct device *d = &b->devices[usart];
    if (d->receiver_count == ROUTES) return -1;
    d->receivers[d->receiver_count++] = (struct route){(uint8_t)dma, (uint8_t)stream, (uint8_t)channel};
    return 0;
}

API int board_transmits(struct board *b, int usart, int dma, int stream, int channel) {
    struct device *from = &b->devices[dma], *to = &b->devices[usart];
    if (from->transmitter_count == ROUTES || to->transmitter_count == ROUTES) return -1;
    from->transmitters[from->transmitter_count++] = (struct route){(uint8_t)usart, (uint8_t)stream, (uint8_t)channel};
    to->transmitters[to->transmitter_count++] = (struct route){(uint8_t)dma, (uint8_t)stream, (uint8_t)channel};
    return 0;
}

API void board_divide(struct board *b, int usart, uint32_t divider) {
    b->shared.state.usarts[b->devices[usart].slot].divider = divider;
}

/* What a reset of the chip does beside the registers. The lengths of DMA streams and ADC inputs outlive it. */
API void board_reset(struct board *b) {
    struct state *s = &b->shared.state;
    for (int i = 0; i < USARTS; i++) s->usarts[i] = (struct usart){.divider = s->usarts[i].divider};
    for (int i = 0; i < TIMERS; i++) s->timers[i] = (struct timer){.divisor = 1};
    s->tick_origin = s->dog_started = s->dog_unlocked = 0;
}

API int board_receiving(const struct board *b, int usart) {
    return (int)b->shared.state.usarts[b->devices[usart].slot].count;
}

/* -- what was sent ------------------------------------------------------------------------------------------------- */
/* All outputs of a wire, with their bytes behind one another. */
API const struct output *board_outputs(const struct board *b, int slot, uint32_t *count, uint32_t *used,
                                       const uint8_t **bytes, uint32_t *back) {
    const struct wire *w = &b->wires[slot];
    *count = w->output_count;
    *back = w->taken_back;
    *used = w->bytes_used;
    *bytes = w->bytes;
    return w->outputs;
}

API void board_forget_outputs(struct board *b) {
    for (int i = 0; i < USARTS; i++) b->wires[i].output_count = b->wires[i].bytes_used = b->wires[i].taken_back = 0;
    b->shared.emitted = 0;
}

/* -- snapshots ----------------------------------------------------------------------------------------------------- */
static size_t state_bytes(const struct board *b) {
    return offsetof(struct state, words) + 4 * (size_t)b->shared.word_count;
}

API size_t board_saved_size(const struct board *b) {
    size_t size = state_bytes(b);
    for (int i = 0; i < USARTS; i++) size += b->shared.state.usarts[i].count;
    return size + (b->shared.undescribed ? unknown_size(&b->automatic.unknown) : 0);
}

API void board_save(const struct board *b, uint8_t *to) {
    memcpy(to, &b->shared.state, state_bytes(b));
    to += state_bytes(b);
    for (int i = 0; i < USARTS; i++) {
        uint32_t count = b->shared.state.usarts[i].count;
        if (count) memcpy(to, b->wires[i].incoming + b->wires[i].incoming_start, count);
        to += count;
    }
    if (b->shared.undescribed) unknown_save(&b->automatic.unknown, to);
}

/* Bytes on their way in were there when the snapshot was taken, so that their buffer has room for them. */
static const uint8_t *restore_wires(struct board *b, const uint8_t *from) {
    for (int i = 0; i < USARTS; i++) {
        uint32_t count = b->shared.state.usarts[i].count;
        if (count) memcpy(b->wires[i].incoming, from, count);
        b->wires[i].incoming_start = 0;
        from += count;
    }
    return from;
}

API void board_restore(struct board *b, const uint8_t *from, const uint8_t *ram, void *context) {
    b->unicorn.restore(b->shared.uc, context);
    memcpy(b->shared.ram, ram, b->shared.ram_size);
    memcpy(&b->shared.state, from, state_bytes(b));
    from = restore_wires(b, from + state_bytes(b));
    if (b->shared.undescribed && !unknown_restore(&b->automatic.unknown, from)) b->shared.failed = 1;
    board_forget_outputs(b);
    b->shared.samples_count = b->shared.reset = 0;
}
