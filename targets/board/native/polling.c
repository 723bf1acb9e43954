/* Loops that poll a register: each place in the code that reads one is given values until the firmware goes on.
 * See `Polling`. */
#include "board.h"
#include <string.h>

enum { PATIENCE = 3, PATIENCE_WRITTEN = 6, MOST_CANDIDATES = 160 };
static const int64_t COUNTING = -1;

/* -- what each place learned --------------------------------------------------------------------------------------- */
int learn(struct unknown *u, uint32_t number, int64_t value) {
    struct site *site = &u->sites[number];
    site->value = value;
    if (site->learned) return 1;
    if (!grow((void **)&u->learned, &u->learned_room, u->now.learned_count + 1, sizeof *u->learned)) return 0;
    u->learned[u->now.learned_count++] = number;
    site->learned = 1;
    return 1;
}

static void unlearn(struct unknown *u, uint32_t number) {
    uint32_t *learned = u->learned, count = u->now.learned_count, i = 0;
    if (!u->sites[number].learned) return;
    while (learned[i] != number) i++;
    memmove(learned + i, learned + i + 1, (count - i - 1) * sizeof *learned);
    u->now.learned_count--;
    u->sites[number].learned = 0;
}

static int in_recent(const struct unknown *u, uint32_t number) {
    for (uint32_t i = 0; i < u->now.recent_count; i++)
        if (u->now.recent[i] == number) return 1;
    return 0;
}

static void append_recent(struct unknown *u, uint32_t number) {
    struct learning *now = &u->now;
    if (now->recent_count == RECENT) memmove(now->recent, now->recent + 1, --now->recent_count * sizeof *now->recent);
    now->recent[now->recent_count++] = number;
}

API void board_polling_forget(struct board *b) { b->automatic.unknown.now.recent_count = b->automatic.unknown.now.trying = 0; }

/* Where the last site's value is the first to lead to this one, which reads the same register, it keeps it. */
static void follow(struct unknown *u, uint32_t number) {
    if (!u->now.recent_count) return;
    uint32_t last = u->now.recent[u->now.recent_count - 1];
    struct site *before = &u->sites[last];
    if (before->lead != ALONE && before->lead != (int32_t)number) before->lead = ALONE;
    else if (before->address == u->sites[number].address && !in_recent(u, number) && before->trial >= 0)
        before->lead = (int32_t)number;
}

static int32_t trial_of(struct unknown *u, uint32_t number, int32_t patience) {
    struct site *site = &u->sites[number];
    follow(u, number);
    if (!in_recent(u, number)) {
        site->trial = -patience;
        site->based = site->learned;
        site->base = site->value;
    } else if (site->lead == ALONE) site->trial++;
    return site->trial;
}

/* With what other loops waited for, where that is one bit more each. */
static int64_t as_elsewhere(const struct unknown *u, uint32_t number, int64_t held) {
    for (uint32_t i = 0; i < u->now.learned_count; i++) {
        const struct site *other = &u->sites[u->learned[i]];
        if (u->learned[i] == number || other->address != u->sites[number].address || other->value == COUNTING) continue;
        int64_t more = other->value & ~held;
        if (!(more & (more - 1))) held |= more;
    }
    return held;
}

/* -- what a register may read as, the likeliest first -------------------------------------------------------------- */
struct candidates { int64_t values[MOST_CANDIDATES], held; int count; };

static void propose(struct candidates *c, int64_t value) {
    if (value == c->held) return;
    for (int i = 0; i < c->count; i++)
        if (c->values[i] == value) return;
    c->values[c->count++] = value;
}

static void all_candidates(struct candidates *c, int64_t held, uint32_t size, int based, int64_t base) {
    static const struct { int64_t mask; int shift; } copied[] = {{3, 2}, {7, 3}, {0xF, 4}, {1, 1}, {0x10001, 1}};
    int bits = 8 * (int)size;
    int64_t all = (INT64_C(1) << bits) - 1;
    c->held = held;
    c->count = 0;
    if (based && base != held && base != COUNTING)
        for (int bit = 0; bit < bits; bit++) propose(c, base | INT64_C(1) << bit);
    for (int bit = 0; bit < bits; bit++) propose(c, held | INT64_C(1) << bit);
    for (int bit = 0; bit < bits; bit++) propose(c, held & ~(INT64_C(1) << bit));
    for (unsigned i = 0; i < sizeof copied / sizeof *copied; i++) propose(c, held | (held & copied[i].mask) << copied[i].shift);
    propose(c, all);
    propose(c, 0);
    propose(c, ~held & all);
    for (int bit = 0; bit < bits; bit++) propose(c, INT64_C(1) << bit);
    propose(c, COUNTING);
}

/* Nothing helped behind the value that led here: the next one is tried there. True where one had led here. */
static int gave_up(struct unknown *u, uint32_t number) {
    int led = 0;
    for (uint32_t i = 0; i < u->now.site_count; i++)
        if (u->sites[i].lead == (int32_t)number) u->sites[i].lead = ALONE, led = 1;
    if (led) u->sites[number].trial = -PATIENCE;
    return led;
}

/* A register is polled and nothing helps: the firmware waits, unless there is something for it. */
static void dry(struct board *b, const struct site *site) {
    b->automatic.unknown.now.dry = site->address;
    note_dry(b, site->code, site->address);
    if (offering(b) || b->shared.state.active_count) return;
    b->shared.state.waiting.polled = 1;
    stop_after_instruction(b);
}

/* The next value for a loop that polls; none where it waits for input, or when nothing helped. */
static int try_next(struct board *b, uint32_t number, int64_t held, uint32_t size) {
    struct unknown *u = &b->automatic.unknown;
    struct site *site = &u->sites[number];
    struct candidates c = {.count = 0};
    if (!site->waits) all_candidates(&c, held, size, site->based, site->base);
    if (site->trial < c.count) {
        u->now.trying = 1;
        return learn(u, number, c.values[site->trial]);
    }
    if (site->was_known) {
        if (!learn(u, number, site->known)) return 0;
    } else unlearn(u, number);
    if (!gave_up(u, number)) dry(b, site);
    return 1;
}

int64_t polled(struct board *b, uint32_t code, uint32_t address, uint32_t size, int *tried) {
    struct unknown *u = &b->automatic.unknown;
    int64_t held = board_held(b, address);
    uint32_t number;
    if (!site_at(b, code, address, &number)) return no_memory(b);
    int32_t trial = trial_of(u, number, is_written(b, address) ? PATIENCE_WRITTEN : PATIENCE);
    append_recent(u, number);
    held = as_elsewhere(u, number, held);
    if (trial >= 0 && !b->automatic.trials.unresolved && !try_next(b, number, held, size)) return no_memory(b);
    *tried = u->sites[number].learned;
    int64_t value = *tried ? u->sites[number].value : held;
    return value == COUNTING ? (int64_t)(board_now(b) & UINT32_MAX) : value;
}

/* A register is written from a place in the code: where that is a new one, the loop before was left. */
void got_on(struct board *b, uint32_t place) {
    int fresh = is_new_place(b, place);
    if (fresh < 0) no_memory(b);
    if (fresh > 0) board_polling_forget(b);
}

/* What is read of registers beside one that was written is no loop that goes on. */
void wrote(struct unknown *u, uint32_t bank) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < u->now.recent_count; i++)
        if (u->sites[u->now.recent[i]].address >> 8 != bank) u->now.recent[kept++] = u->now.recent[i];
    u->now.recent_count = kept;
}
