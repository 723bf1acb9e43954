/* A port whose messages begin and end with a signal, as on I2C, and one that is asked, as a chip on SPI; see `FramedPort`
 * and `AskedPort`. Both are ports of single bytes otherwise. */
#include "board.h"

enum { LONGEST_ANSWER = 256, FILL = 32, CODED = 5 };

static struct port_state *state_of(struct board *b, uint32_t port) { return &b->shared.state.ports[port]; }
static uint32_t incoming(const struct board *b, uint32_t port) { return b->shared.state.usarts[port].count; }

/* -- a message between signals ------------------------------------------------------------------------------------- */
static void go_on(struct board *b, uint32_t port) {
    const struct port_plan *plan = &b->automatic.ports[port];
    struct port_state *p = state_of(b, port);
    while (p->stage != REST && !(p->stage == DATA ? incoming(b, port) : plan->signal_counts[p->stage]))
        p->stage = (p->stage + 1) % STAGES;
    uint64_t wait = p->stage == READS ? plan->thinks : BYTE_CYCLES;
    if (p->stage != REST) board_arm(b, plan->arrives, board_now(b) + wait);
}

/* Begin; a message without any bytes ends at once. */
API void board_port_begins(struct board *b, uint32_t port) {
    state_of(b, port)->stage = BEGINS;
    go_on(b, port);
}

void framed_fed(struct board *b, uint32_t port) {
    if (incoming(b, port) && state_of(b, port)->stage == REST) board_port_begins(b, port);
}

/* Show the stage's signal; 0 where it is a byte's turn. */
int framed_shows(struct board *b, uint32_t port) {
    struct port_state *p = state_of(b, port);
    if (p->stage == DATA) return 0;
    p->shown = p->stage;
    if (p->stage == READS) p->answered = p->same = 0;
    port_again(b, port);
    return 1;
}

void framed_sent(struct board *b, uint32_t port, uint8_t byte) {
    struct port_state *p = state_of(b, port);
    p->same = byte == p->fill ? p->same + 1 : 1;
    p->fill = byte;
}

static int is_coded(const struct port_plan *plan, uint32_t address) {
    uint32_t own = 0;
    for (uint32_t i = 0; i < plan->gate_count; i++) own += plan->gates[i].address == address;
    return own >= CODED;
}

/* A register beside a signal that is shown: where it holds a code, as where a byte came. */
int64_t framed_view(const struct board *b, uint32_t port, uint32_t shown, uint32_t address, int64_t value) {
    const struct port_plan *plan = &b->automatic.ports[port];
    const struct gate *gates = plan->signals[shown];
    uint32_t count = plan->signal_counts[shown];
    int own = 0, any = 0;
    for (uint32_t i = 0; i < count; i++) own |= gates[i].address == address;
    if (!own) return value;
    if (is_coded(plan, address)) value = applied(plan->gates, plan->gate_count, address, value, 1, &any);
    return applied(gates, count, address, value, 1, &any);
}

/* The answer is over when nothing else comes any more than the same byte, which is no part of it, or too many came. */
static int is_over(struct board *b, uint32_t port) {
    struct port_state *p = state_of(b, port);
    struct wire *w = &b->wires[port];
    if (p->same < FILL) return p->answered >= LONGEST_ANSWER;
    uint32_t here = w->output_count < FILL ? w->output_count : FILL;
    w->output_count -= here;
    w->taken_back += FILL - here;
    b->shared.emitted |= 1 << port;
    return 1;
}

/* Behind what all ports do when their handler returns: `gave` and `shown` are what this call of it had. */
void framed_left(struct board *b, uint32_t port, int gave, uint32_t shown) {
    struct port_state *p = state_of(b, port);
    p->offers = p->status = 0; /* nothing is offered but what is shown */
    if (!shown && !(p->stage == DATA && !incoming(b, port))) return;
    p->answered += (uint32_t)gave;
    int more = p->stage == ANSWERS && gave && !is_over(b, port);
    p->stage = (p->stage + !more) % STAGES;
    p->stalled = 0;
    go_on(b, port);
    if (p->stage == REST) framed_fed(b, port); /* what came while the answer was read */
}

/* Taken outside of its handler, the last byte ends the message. */
void framed_took(struct board *b, uint32_t port, int handling) {
    struct port_state *p = state_of(b, port);
    if (p->stage != DATA || incoming(b, port) || handling) return;
    p->stage++;
    go_on(b, port);
}

/* -- a chip that is asked ------------------------------------------------------------------------------------------ */
uint32_t asked_take(struct board *b, uint32_t port) {
    struct port_state *p = state_of(b, port);
    struct wire *w = &b->wires[port];
    if (!p->asked) return p->last;
    p->asked = 0;
    p->last = incoming(b, port) ? w->incoming[w->incoming_start++] : 0;
    if (!incoming(b, port)) return p->last;
    b->shared.state.usarts[port].count--;
    p->taken++;
    return p->last;
}

/* What it will answer from now on. */
void asked_fed(struct board *b, uint32_t port) {
    const struct port_plan *plan = &b->automatic.ports[port];
    state_of(b, port)->called = plan->exception > 0;
    board_arm(b, plan->arrives, board_now(b) + BYTE_CYCLES);
}
