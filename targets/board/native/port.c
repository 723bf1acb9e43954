/* A stream of single bytes over registers whose roles were inferred; see `Port`. Its wire is that of its number. */
#include "board.h"
#include <string.h>

enum { AGAIN_CYCLES = 7000, OFFERS = 2, MOST_GIVEN = 16384 };

static struct port_state *state_of(struct board *b, uint32_t port) { return &b->shared.state.ports[port]; }
static uint32_t *incoming(struct board *b, uint32_t port) { return &b->shared.state.usarts[port].count; }

int is_active(const struct state *s, uint32_t number) {
    for (uint32_t i = 0; i < s->active_count; i++)
        if (s->active[i] == number) return 1;
    return 0;
}

static int handling(const struct board *b, const struct port_plan *plan) {
    return is_active(&b->shared.state, (uint32_t)plan->exception);
}

static int giving(const struct board *b, const struct port_plan *plan) {
    return is_active(&b->shared.state, (uint32_t)plan->sender);
}

static void update(struct board *b, uint32_t port) {
    const struct port_plan *plan = &b->automatic.ports[port];
    const struct port_state *p = state_of(b, port);
    const uint64_t *all = b->shared.state.enabled;
    int shared = plan->sender == plan->exception, calls = p->ready || p->shown != REST;
    if (!shared) board_line(b, plan->sender, p->offers && in_set(all, (uint32_t)plan->sender));
    if (!plan->exception) return;
    int enabled = in_set(all, (uint32_t)plan->exception);
    board_line(b, plan->exception, ((calls && !p->stalled) || (p->offers && shared)) && enabled);
    if (calls && (p->stalled || !enabled)) board_arm(b, plan->again, board_now(b) + AGAIN_CYCLES);
}

static void expect(struct board *b, uint32_t port) {
    const struct port_plan *plan = &b->automatic.ports[port];
    if (plan->kind != BLOCK) board_arm(b, plan->arrives, board_now(b) + BYTE_CYCLES);
    else if (board_due(b, plan->arrives) == NEVER) board_arm(b, plan->arrives, board_now(b) + plan->byte_cycles);
}

static void fed(struct board *b, uint32_t port) {
    enum port_kind kind = b->automatic.ports[port].kind;
    if (kind == FRAMED) framed_fed(b, port);
    else if (kind == ASKED) asked_fed(b, port);
    else if (kind == BLOCK || !state_of(b, port)->ready) expect(b, port);
}

API int board_feed_port(struct board *b, int port, const uint8_t *data, uint32_t size) {
    uint32_t *count = incoming(b, (uint32_t)port);
    struct wire *w = &b->wires[port];
    if (size && b->automatic.ports[port].kind == ASKED) *count = 0; /* what was not asked for is lost */
    if (!make_room(w, *count, size)) return -1;
    if (size) memcpy(w->incoming + *count, data, size);
    *count += size;
    if (b->automatic.ports[port].kind == BLOCK || b->automatic.ports[port].kind == SINGLE ? *count : size) fed(b, (uint32_t)port);
    return 0;
}

void port_again(struct board *b, uint32_t port) {
    state_of(b, port)->stalled = 0;
    update(b, port);
}

/* Put a byte where the firmware wants it, unless that has not looked at the ones before. */
static void deliver(struct board *b, uint32_t port) {
    const struct port_plan *plan = &b->automatic.ports[port];
    struct port_state *p = state_of(b, port);
    struct wire *w = &b->wires[port];
    uint32_t most = board_held(b, plan->receives.count), half = most / 2 ? most / 2 : 1;
    if ((p->ready && plan->exception) || !most || p->ahead >= half) return;
    uint64_t offset = (uint64_t)board_held(b, plan->receives.pointer) + p->filled - b->shared.ram_base;
    if (offset < b->shared.ram_size) b->shared.ram[offset] = w->incoming[w->incoming_start];
    w->incoming_start++;
    --*incoming(b, port);
    p->amount = p->filled + 1;
    p->ahead++;
    p->filled = p->amount % most;
    p->taken++;
    p->ready = p->took = 1;
    port_again(b, port);
}

/* How many bytes are missing still; whoever asks knows of those that came. */
uint32_t port_left(struct board *b, uint32_t port) {
    state_of(b, port)->ahead = state_of(b, port)->ready = 0;
    return board_held(b, b->automatic.ports[port].receives.count) - state_of(b, port)->filled;
}

void port_arrived(struct board *b, uint32_t port) {
    struct port_state *p = state_of(b, port);
    enum port_kind kind = b->automatic.ports[port].kind;
    if (kind == BLOCK) {
        if (*incoming(b, port)) deliver(b, port);
        if (*incoming(b, port)) expect(b, port);
        return;
    }
    if (kind == FRAMED && framed_shows(b, port)) return;
    if (kind == ASKED) {
        p->ready = p->called;
        port_again(b, port);
        return;
    }
    p->ready = *incoming(b, port) > 0;
    p->early = 0;
    port_again(b, port);
}

/* The next byte: there at once where it is polled, or once the handler looks for one; else it comes later. */
static void await_next(struct board *b, uint32_t port) {
    const struct port_plan *plan = &b->automatic.ports[port];
    struct port_state *p = state_of(b, port);
    int more = *incoming(b, port) > 0;
    if (plan->kind == BLOCK) {
        if (more) expect(b, port);
        return;
    }
    p->ready = more && !plan->exception;
    p->more = more && handling(b, plan);
    p->early = 0;
    if (more && !p->ready) expect(b, port);
}

uint32_t port_take(struct board *b, uint32_t port) {
    const struct port_plan *plan = &b->automatic.ports[port];
    struct port_state *p = state_of(b, port);
    struct wire *w = &b->wires[port];
    if (plan->kind == ASKED) return asked_take(b, port);
    int burst = plan->burst && p->took;
    if (*incoming(b, port) && (p->ready || burst)) {
        p->last = w->incoming[w->incoming_start++];
        --*incoming(b, port);
        p->ready = 0;
        p->taken++;
        p->given = 0;
        board_polling_forget(b); /* a loop that gets bytes polls nothing in vain */
        p->took |= handling(b, plan);
        await_next(b, port);
        update(b, port);
    } else if (burst) p->last = 0;
    uint8_t last = p->last;
    if (plan->kind == FRAMED) framed_took(b, port, handling(b, plan));
    return last;
}

void port_send(struct board *b, uint32_t port, uint32_t value) {
    const struct port_plan *plan = &b->automatic.ports[port];
    struct port_state *p = state_of(b, port);
    uint8_t byte = (uint8_t)value;
    p->gave |= giving(b, plan);
    emit(b, port, board_now(b), &byte, 1);
    if (plan->kind == FRAMED) framed_sent(b, port, byte);
    p->asked |= plan->kind == ASKED;
}

int64_t applied(const struct gate *gates, uint32_t count, uint32_t address, int64_t value, int there, int *any) {
    for (uint32_t i = 0; i < count; i++) {
        if (gates[i].address != address) continue;
        int64_t bit = INT64_C(1) << gates[i].bit;
        value = gates[i].ready == there ? value | bit : value & ~bit;
        *any = 1;
    }
    return value;
}

static int has_gate(const struct port_plan *plan, uint32_t address) {
    for (uint32_t i = 0; i < plan->gate_count; i++)
        if (plan->gates[i].address == address) return 1;
    return 0;
}

/* Something was received, or the handler is offered to send, or neither. */
static int64_t viewed(struct board *b, uint32_t port, uint32_t address, int64_t value, int tried) {
    const struct port_plan *plan = &b->automatic.ports[port];
    struct port_state *p = state_of(b, port);
    int own = 0;
    if (plan->kind == ASKED) return applied(plan->gates, plan->gate_count, address, value, 1, &own);
    if (p->more && has_gate(plan, address)) p->ready = 1, p->more = 0, p->early = 1;
    if (p->status && giving(b, plan) && !(p->ready && handling(b, plan))) {
        int64_t offered = applied(plan->sending, plan->sending_count, address, value, 1, &own);
        if (own) return offered;
        if (!plan->sending_count && !tried)
            for (uint32_t i = 0; i < plan->status_count; i++)
                if (plan->status[i].address == address) {
                    value |= plan->status[i].mask;
                    break;
                }
    }
    return applied(plan->gates, plan->gate_count, address, value, p->ready, &own);
}

/* A register as it reads now. */
int64_t port_view(struct board *b, uint32_t port, uint32_t address, int64_t value, int tried) {
    uint32_t shown = state_of(b, port)->shown;
    value = viewed(b, port, address, value, tried);
    return shown == REST ? value : framed_view(b, port, shown, address, value);
}

static int enables(const struct port_state *p, uint32_t address) {
    for (uint32_t i = 0; i < p->enabler_count; i++)
        if (p->enablers[i] == address) return 1;
    return 0;
}

/* A block goes out once its place and its length were written; a new one to be received begins where they are. */
static void block_written(struct board *b, uint32_t port, uint32_t address) {
    const struct port_plan *plan = &b->automatic.ports[port];
    struct port_state *p = state_of(b, port);
    if (plan->kind == BLOCK && (address == plan->receives.pointer || address == plan->receives.count))
        p->filled = p->ahead = 0;
    if (!plan->sends_blocks || (address != plan->sends.pointer && address != plan->sends.count)) return;
    p->written |= address == plan->sends.pointer ? 1 : 2;
    if (p->written != 3) return;
    p->written = 0;
    uint32_t size = board_held(b, plan->sends.count) & 0xFFFF;
    const uint8_t *data = size ? memory_at(b, board_held(b, plan->sends.pointer), size) : NULL;
    if (data) emit(b, port, board_now(b), data, size);
}

/* A write to an own register may have enabled the interrupt of the transmitter. */
static void enabled_by(struct board *b, uint32_t port, uint32_t address, uint32_t old, uint32_t value) {
    const struct port_plan *plan = &b->automatic.ports[port];
    struct port_state *p = state_of(b, port);
    if (address < plan->low || address > plan->high || address == plan->transmit) return;
    if (!giving(b, plan)) {
        p->enabler = address;
        p->offers = OFFERS;
        p->given = 0;
        update(b, port);
    } else if (value & ~old || enables(p, address)) {
        p->enabler = address;
        p->touched = 1;
    }
}

void port_written(struct board *b, uint32_t port, uint32_t address, uint32_t old, uint32_t value) {
    if (b->automatic.ports[port].watches) enabled_by(b, port, address, old, value);
    block_written(b, port, address);
}

static void refused(const struct port_plan *plan, struct port_state *p) {
    if (plan->sender == plan->exception) p->stalled = p->ready;
    p->offers -= p->offers > 0;
    p->status = p->offers && !plan->sending_count ? !p->status : 1;
}

static void settled(struct board *b, uint32_t port) {
    struct port_state *p = state_of(b, port);
    p->gave = p->took = p->touched = p->more = p->early = 0;
    update(b, port);
}

/* A handler of its own is about to return. */
void port_leaving(struct board *b, uint32_t port, int32_t exception) {
    struct port_state *p = state_of(b, port);
    enum port_kind kind = b->automatic.ports[port].kind;
    uint32_t shown = p->shown;
    int gave = p->gave;
    p->shown = REST;
    if (kind == ASKED) {
        if (p->ready) p->ready = p->called = 0;
        settled(b, port);
        return;
    }
    if (kind == BLOCK) p->ready = p->ahead = 0;
    if (p->early && p->ready) p->ready = 0;
    if (exception != b->automatic.ports[port].sender) p->stalled = p->ready && !p->took;
    else if (p->gave) {
        if (!enables(p, p->enabler) && p->enabler_count < ENABLERS) p->enablers[p->enabler_count++] = p->enabler;
        p->given++;
        p->offers = p->given < MOST_GIVEN ? OFFERS : 0;
    } else if (p->took) {
        if (p->touched) p->offers = OFFERS;
    } else refused(&b->automatic.ports[port], p);
    settled(b, port);
    if (kind != FRAMED) return;
    framed_left(b, port, gave, shown);
    update(b, port);
}

API void board_reset_port(struct board *b, int port) {
    const struct port_plan *plan = &b->automatic.ports[port];
    *state_of(b, (uint32_t)port) = (struct port_state){.status = plan->kind != FRAMED};
    *incoming(b, (uint32_t)port) = 0;
    board_disarm(b, plan->arrives);
    board_disarm(b, plan->again);
}

int port_receiving(const struct board *b, uint32_t port) {
    const struct port_state *p = &b->shared.state.ports[port];
    switch (b->automatic.ports[port].kind) {
    case FRAMED: return p->stage != REST;
    case ASKED: return p->called;
    default: return b->shared.state.usarts[port].count > 0;
    }
}

int port_offering(const struct board *b, uint32_t port) {
    const struct port_state *p = &b->shared.state.ports[port];
    const struct port_plan *plan = &b->automatic.ports[port];
    return (p->ready && (plan->kind != BLOCK || plan->exception)) || p->shown != REST;
}

API int board_port_receiving(const struct board *b, int port) { return port_receiving(b, (uint32_t)port); }
API int board_port_offering(const struct board *b, int port) { return port_offering(b, (uint32_t)port); }
API uint64_t board_port_taken(const struct board *b, int port) { return b->shared.state.ports[port].taken; }
