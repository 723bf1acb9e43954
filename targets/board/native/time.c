/* Virtual time: the cycle counter and the deadlines at which peripherals act. */
#include "board.h"

static uint64_t executed(const struct board *b) {
    uint64_t counter = *b->shared.counter, limit = *b->shared.limit;
    return counter < limit ? counter : limit;
}

uint64_t board_now(const struct board *b) {
    return b->shared.running ? b->shared.state.base + executed(b) : b->shared.state.base;
}

void shorten(struct board *b, int64_t count) {
    int64_t counter = (int64_t)*b->shared.counter;
    uint64_t wanted = (uint64_t)(count > counter ? count : counter);
    if (wanted < *b->shared.limit) *b->shared.limit = wanted;
}

void stop_after_instruction(struct board *b) { *b->shared.limit = *b->shared.counter; }

static void find_next(struct board *b) {
    struct state *s = &b->shared.state;
    uint64_t next = NEVER;
    for (int i = 0; i < b->shared.source_count; i++)
        if (s->due[i] < next) next = s->due[i];
    s->next = next;
}

void board_arm(struct board *b, int source, uint64_t cycle) {
    struct state *s = &b->shared.state;
    uint64_t earlier = s->due[source];
    s->due[source] = cycle;
    if (cycle <= s->next) s->next = cycle;
    else if (earlier == s->next) find_next(b);
    if (b->shared.running) shorten(b, (int64_t)cycle - (int64_t)s->base);
}

void board_disarm(struct board *b, int source) {
    struct state *s = &b->shared.state;
    uint64_t earlier = s->due[source];
    s->due[source] = NEVER;
    if (earlier != NEVER && earlier == s->next) find_next(b);
}

API void board_clear(struct board *b) {
    for (int i = 0; i < SOURCES; i++) b->shared.state.due[i] = NEVER;
    b->shared.state.next = NEVER;
}

API uint64_t board_due(const struct board *b, int source) { return b->shared.state.due[source]; }

static void act(struct board *b, int source) {
    struct source *from = &b->sources[source];
    struct device *d = &b->devices[from->device];
    switch (from->kind) {
    case SYSTEM: system_tick(b, d); break;
    case TIMER: timer_event(b, d); break;
    case DMA: dma_sent(b, d, from->part); break;
    case USART: from->part ? usart_transmitted(b, d) : usart_receive(b, d); break;
    case PORT: from->part ? port_again(b, from->device) : port_arrived(b, from->device); break;
    case TICK: tick_raise(b, from->device); break;
    default: asked(b); b->python.fire(source);
    }
}

API void board_fire(struct board *b) {
    struct state *s = &b->shared.state;
    while (s->next <= s->base && !b->shared.failed) {
        int source = 0;
        while (s->due[source] != s->next) source++;
        s->due[source] = NEVER;
        find_next(b);
        act(b, source);
    }
}
