/* How firmware on a chip that nobody described waits, its ticks, and its handlers; see `AutoMachine`. */
#include "board.h"
#include <stdlib.h>
#include <string.h>

enum { SLICE = 1500, SPIN_SLICES = 3, HANDLER = 64, MASKED = 8, TRUST = 32, RESTLESS = 16 };
enum { NEAR = 1024, MOST_SKIPPED = 64, WIDE = 0x1D, HIGH = REGISTERS - R4, OF_LOOP = SP + 1 + HIGH };
#define SCATTER UINT64_C(2654435761)

/* -- what there is for the firmware -------------------------------------------------------------------------------- */
int offering(const struct board *b) {
    for (uint32_t i = 0; i < b->automatic.port_count; i++)
        if (port_offering(b, i)) return 1;
    return 0;
}

int feeding(const struct board *b) {
    for (uint32_t i = 0; i < b->automatic.port_count; i++)
        if (port_receiving(b, i)) return 1;
    return b->shared.feeding;
}

static uint64_t taken(const struct board *b) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < b->automatic.port_count; i++) sum += b->shared.state.ports[i].taken;
    return sum;
}

/* -- waiting ------------------------------------------------------------------------------------------------------- */
int64_t rest_limit(const struct board *b) {
    const struct waiting *w = &b->shared.state.waiting;
    return w->trusted ? HANDLER + 2 * (int64_t)w->round : SLICE;
}

/* Another length each time: an idle loop may let interrupts in for one instruction only. */
int64_t masked_slice(const struct board *b) { return MASKED + (int64_t)(b->shared.state.base * SCATTER >> 16) % MASKED; }

void input_taken(struct board *b) {
    struct waiting *w = &b->shared.state.waiting;
    uint64_t now = taken(b);
    if (now == w->taken) return;
    w->taken = now;
    w->trusted = 0;
    b->shared.state.busy = 0;
    board_forget_loop(b);
}

static int in_order(const void *one, const void *other) {
    uint32_t left = *(const uint32_t *)one, right = *(const uint32_t *)other;
    return (left > right) - (left < right);
}

/* True in nobody's handler, with nothing to come before the next event. */
static int left_alone(const struct board *b) {
    return !b->shared.state.active_count && !board_candidate(b) && !offering(b);
}

static int goes_round(struct board *b, const uint32_t *places, uint32_t count) {
    if (!count) return 0;
    read_registers(b, PC, 1);
    uint32_t pc = b->values[PC] & ~UINT32_C(1);
    return bsearch(&pc, places, count, sizeof pc, in_order) && left_alone(b);
}

static enum ended rest(struct board *b, uint32_t place, int spun) {
    struct waiting *w = &b->shared.state.waiting;
    w->polled = w->quiet = 0;
    w->spun = spun;
    w->rests = place;
    b->shared.state.sleeping = 1;
    return DONE;
}

/* -- proof of a loop that changes nothing -------------------------------------------------------------------------- */
/* Something came from outside, or another moment was gone back to. */
API void board_forget_loop(struct board *b) {
    struct proof *p = &b->automatic.proof;
    p->known = p->left = 0;
    p->skip = 1;
}

/* An instruction or two; 0 when something happened besides. */
static int step(struct board *b, enum ended *ended) {
    struct state *s = &b->shared.state;
    read_registers(b, PC, 1);
    b->shared.stepping = 1;
    *ended = slice(b, b->values[PC], 2);
    b->shared.stepping = 0;
    int disturbed = s->sleeping || board_candidate(b) || s->active_count || b->shared.reset;
    return *ended == DONE && !disturbed && s->next > s->base;
}

static void read_loop_registers(struct board *b, uint32_t *to) {
    read_registers(b, R0, SP + 1);
    memcpy(to, b->values, (SP + 1) * sizeof *to);
    read_registers(b, R4, HIGH);
    memcpy(to + SP + 1, b->values + R4, HIGH * sizeof *to);
}

static int keep_places(struct board *b, uint32_t count) {
    struct waiting *w = &b->shared.state.waiting;
    uint32_t kept = 0;
    qsort(w->places, count, sizeof *w->places, in_order);
    for (uint32_t i = 0; i < count; i++)
        if (!kept || w->places[kept - 1] != w->places[i]) w->places[kept++] = w->places[i];
    w->place_count = kept;
    w->head = w->places[0];
    return 1;
}

/* Once round: back at the same place, with the same registers and memory. `ended` is not DONE where Python is needed. */
static int gone_round(struct board *b, enum ended *ended) {
    struct waiting *w = &b->shared.state.waiting;
    struct proof *p = &b->automatic.proof;
    uint32_t before[OF_LOOP], after[OF_LOOP], places[LOOP_PLACES], count = 0;
    if (!p->ram && !(p->ram = malloc(b->shared.ram_size))) return 0;
    read_loop_registers(b, before);
    memcpy(p->ram, b->shared.ram, b->shared.ram_size);
    for (uint32_t steps = 1, pc = before[PC]; steps <= LONGEST_LOOP; steps++) {
        uint32_t came = pc;
        if (!step(b, ended)) return 0;
        read_registers(b, PC, 1);
        pc = b->values[PC];
        places[count++] = came;
        places[count++] = came + (half_word(b, came) >> 11 >= WIDE ? 4 : 2); /* a step is two instructions, at most */
        if (pc != before[PC]) continue;
        read_loop_registers(b, after);
        if (memcmp(before, after, sizeof after) || memcmp(p->ram, b->shared.ram, b->shared.ram_size)) return 0;
        memcpy(w->places, places, count * sizeof *places);
        w->round = 2 * steps;
        return keep_places(b, count);
    }
    return 0;
}

/* In which nothing changes until the next event. After each failure it is looked half as often. */
static int proven(struct board *b, enum ended *ended) {
    struct state *s = &b->shared.state;
    struct proof *p = &b->automatic.proof;
    if (!left_alone(b) || s->next <= s->base) return 0;
    read_registers(b, PC, 1);
    int64_t pc = b->values[PC], distance = pc - (p->known ? (int64_t)p->last : -1);
    int near = -NEAR < distance && distance < NEAR;
    p->last = (uint32_t)pc;
    p->known = 1;
    p->left--;
    if (!near || p->left > 0) return 0;
    if (gone_round(b, ended)) {
        s->waiting.trusted = TRUST;
        return 1;
    }
    p->skip = 2 * p->skip < MOST_SKIPPED ? 2 * p->skip : MOST_SKIPPED;
    p->left = p->skip;
    return 0;
}

/* It fell asleep, or a slice is used up: does it wait all the same, or hang? */
enum ended look_for_rest(struct board *b, int slept) {
    struct waiting *w = &b->shared.state.waiting;
    const struct sorted *spin = &b->automatic.spin;
    enum ended ended = DONE;
    if (!slept && b->shared.stepping) return DONE;
    if (!slept && !w->polled) {
        w->quiet = goes_round(b, spin->addresses, spin->count) ? w->quiet + 1 : 0;
        if (w->quiet < SPIN_SLICES) {
            w->trusted = w->trusted && goes_round(b, w->places, w->place_count) ? w->trusted - 1 : 0;
            if (w->trusted || proven(b, &ended)) return rest(b, (uint32_t)w->head, 1);
            uint64_t busy = b->shared.state.busy;
            return ended == DONE && busy && (busy - 1) / RESTLESS >= b->shared.hang_budget ? HANG : ended;
        }
    }
    read_registers(b, PC, 1);
    return rest(b, b->values[PC], !slept);
}

API void board_forget_waiting(struct board *b) { b->shared.state.waiting = (struct waiting){.taken = 0}; }

API struct waiting *board_waiting(struct board *b) { return &b->shared.state.waiting; }

/* The addresses of the loop in which it waits where it never rests otherwise. */
API int board_spins(struct board *b, const uint32_t *addresses, uint32_t count) {
    struct sorted *places = &b->automatic.spin;
    uint32_t *copy = malloc((count ? count : 1) * sizeof *copy);
    if (!copy) return -1;
    memcpy(copy, addresses, count * sizeof *copy);
    qsort(copy, count, sizeof *copy, in_order);
    free(places->addresses);
    *places = (struct sorted){copy, count};
    return 0;
}

/* -- ticks and handlers -------------------------------------------------------------------------------------------- */
void tick_raise(struct board *b, uint32_t tick) {
    const struct tick_plan *plan = &b->automatic.ticks[tick];
    struct tick_state *t = &b->shared.state.ticks[tick];
    board_arm(b, plan->source, board_now(b) + plan->period);
    if (!in_set(b->shared.state.enabled, (uint32_t)plan->exception)) return;
    for (uint32_t i = 0; i < b->automatic.tick_count; i++)
        if (b->automatic.ticks[i].exception == plan->exception) b->shared.state.ticks[i].due = 1;
    t->raised++;
    board_pend(b, plan->exception);
}

/* A handler is about to return. */
void handler_leaves(struct board *b, uint32_t exception) {
    struct automatic *a = &b->automatic;
    for (uint32_t i = 0; i < a->port_count; i++)
        if ((uint32_t)a->ports[i].exception == exception || (uint32_t)a->ports[i].sender == exception)
            port_leaving(b, i, (int32_t)exception);
    for (uint32_t i = 0; i < a->tick_count; i++)
        if ((uint32_t)a->ticks[i].exception == exception) b->shared.state.ticks[i].due = 0;
    board_polling_forget(b);
}

API void board_reset_tick(struct board *b, int tick) {
    const struct tick_plan *plan = &b->automatic.ticks[tick];
    b->shared.state.ticks[tick] = (struct tick_state){0};
    board_arm(b, plan->source, board_now(b) + plan->period);
}

API uint64_t board_tick_raised(const struct board *b, int tick) { return b->shared.state.ticks[tick].raised; }
