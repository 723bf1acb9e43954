/* Registers without a model: they keep what is written, and a loop that polls one is given values until it goes on.
 * See `Unknown` and `Polling`; numbers of sites, cells and places are from 0, in the order in which they came. */
#include "board.h"
#include <stdlib.h>
#include <string.h>

enum { PATIENCE = 3, PATIENCE_WRITTEN = 6, FIRST_ROOM = 64, MOST_CANDIDATES = 160 };
static const int64_t COUNTING = -1;
static const int32_t ALONE = -1, UNTRIED = INT32_MIN;

/* -- tables -------------------------------------------------------------------------------------------------------- */
static uint32_t hash_of(uint64_t key) { return (uint32_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> 32); }
static uint64_t key_of_site(uint32_t code, uint32_t address) { return (uint64_t)code << 32 | address; }

static uint64_t key_at(const struct unknown *u, const struct table *t, uint32_t number) {
    if (t == &u->by_site) return key_of_site(u->sites[number].code, u->sites[number].address);
    return t == &u->by_cell ? u->cells[number].address : u->places[number];
}

/* Where a key's number stands, or would. */
static uint32_t slot_of(const struct unknown *u, const struct table *t, uint64_t key) {
    uint32_t at = hash_of(key) & (t->room - 1);
    while (t->slots[at] && key_at(u, t, t->slots[at] - 1) != key) at = (at + 1) & (t->room - 1);
    return at;
}

static int64_t find(const struct unknown *u, const struct table *t, uint64_t key) {
    return t->room ? (int64_t)t->slots[slot_of(u, t, key)] - 1 : -1;
}

static int widen(struct unknown *u, struct table *t) {
    uint32_t room = t->room ? 2 * t->room : 2 * FIRST_ROOM, *slots = calloc(room, sizeof *slots);
    if (!slots) return 0;
    free(t->slots);
    t->slots = slots;
    t->room = room;
    for (uint32_t number = 0; number < t->used; number++) t->slots[slot_of(u, t, key_at(u, t, number))] = number + 1;
    return 1;
}

/* Enter the number that comes next, whose key stands in its array already. */
static int enter(struct unknown *u, struct table *t) {
    if (2 * t->used + 2 > t->room && !widen(u, t)) return 0;
    t->slots[slot_of(u, t, key_at(u, t, t->used))] = t->used + 1;
    t->used++;
    return 1;
}

static void forget_all(struct unknown *u, struct table *t) {
    if (t->used > t->room / 4) memset(t->slots, 0, t->room * sizeof *t->slots);
    else
        while (t->used) {
            uint32_t number = --t->used;
            t->slots[slot_of(u, t, key_at(u, t, number))] = 0; /* last in, first out: no chain is broken */
        }
    t->used = 0;
}

static void clear(struct unknown *u) {
    forget_all(u, &u->by_site);
    forget_all(u, &u->by_cell);
    forget_all(u, &u->by_place);
    u->now = (struct learning){0};
}

static int no_memory(struct board *b) {
    b->shared.failed = 1;
    if (b->shared.running) stop_after_instruction(b);
    return -1;
}

static struct site *site_at(struct board *b, uint32_t code, uint32_t address, uint32_t *number) {
    struct unknown *u = &b->automatic.unknown;
    int64_t found = find(u, &u->by_site, key_of_site(code, address));
    if (found >= 0) return &u->sites[*number = (uint32_t)found];
    *number = u->now.site_count;
    if (!grow((void **)&u->sites, &u->site_room, *number + 1, sizeof *u->sites)) return NULL;
    u->sites[*number] = (struct site){.code = code, .address = address, .trial = UNTRIED, .lead = ALONE};
    for (uint32_t i = 0; i < u->known_count; i++)
        if (u->known[i].code == code && u->known[i].address == address) {
            u->sites[*number].waits |= u->known[i].waits;
            if (u->known[i].was_known) u->sites[*number].was_known = 1, u->sites[*number].known = u->known[i].known;
        }
    if (!enter(u, &u->by_site)) return NULL;
    u->now.site_count++;
    return &u->sites[*number];
}

static struct cell *cell_at(struct board *b, uint32_t address, int make) {
    struct unknown *u = &b->automatic.unknown;
    int64_t found = find(u, &u->by_cell, address);
    if (found >= 0 || !make) return found >= 0 ? &u->cells[found] : NULL;
    uint32_t number = u->now.cell_count;
    if (!grow((void **)&u->cells, &u->cell_room, number + 1, sizeof *u->cells)) return NULL;
    u->cells[number] = (struct cell){address, 0, 0};
    if (!enter(u, &u->by_cell)) return NULL;
    u->now.cell_count++;
    return &u->cells[number];
}

static int is_written(struct board *b, uint32_t address) {
    const struct cell *cell = cell_at(b, address, 0);
    return cell && cell->written;
}

/* What was written last, by whole words or narrower. */
API uint32_t board_held(struct board *b, uint32_t address) {
    const struct cell *own = cell_at(b, address, 0), *word = cell_at(b, address & ~UINT32_C(3), 0);
    if (own && own->written) return own->value;
    return word && word->written ? word->value >> 8 * (address & 3) : 0;
}

/* -- what each place learned --------------------------------------------------------------------------------------- */
static int learn(struct unknown *u, uint32_t number, int64_t value) {
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

static int64_t polled(struct board *b, uint32_t code, uint32_t address, uint32_t size, int *tried) {
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
static int got_on(struct board *b, uint32_t place) {
    struct unknown *u = &b->automatic.unknown;
    if (find(u, &u->by_place, place) >= 0) return 1;
    if (!grow((void **)&u->places, &u->place_room, u->now.place_count + 1, sizeof *u->places)) return 0;
    u->places[u->now.place_count] = place;
    if (!enter(u, &u->by_place)) return 0;
    u->now.place_count++;
    board_polling_forget(b);
    return 1;
}

/* What is read of registers beside one that was written is no loop that goes on. */
static void wrote(struct unknown *u, uint32_t bank) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < u->now.recent_count; i++)
        if (u->sites[u->now.recent[i]].address >> 8 != bank) u->now.recent[kept++] = u->now.recent[i];
    u->now.recent_count = kept;
}

/* -- accesses ------------------------------------------------------------------------------------------------------ */
static const struct role *role_of(const struct board *b, uint32_t address) {
    const struct automatic *a = &b->automatic;
    if (!(a->filter >> (address >> 2 & 63) & 1)) return NULL;
    for (uint32_t i = 0; i < a->role_count; i++)
        if (a->roles[i].address == address) return &a->roles[i];
    return NULL;
}

static int64_t viewed(struct board *b, const struct role *role, uint32_t i, int64_t value, int tried) {
    struct viewer by = role->views[i];
    if (by.of == A_PORT) return port_view(b, by.number, role->address, value, tried);
    const struct gate *gate = &b->automatic.ticks[by.number].gates[by.part];
    int64_t bit = INT64_C(1) << gate->bit;
    return gate->ready == b->shared.state.ticks[by.number].due ? value | bit : value & ~bit;
}

static int64_t read_port(struct board *b, struct viewer reader) {
    if (reader.part == LEFT) return port_left(b, reader.number);
    return reader.part == AMOUNT ? b->shared.state.ports[reader.number].amount : port_take(b, reader.number);
}

uint64_t unknown_read(struct board *b, uint32_t address, uint32_t size) {
    const struct role *role = role_of(b, address);
    int64_t value;
    if (forced_value(b, address, &value)) role = NULL;
    else if (role && role->reader.of == A_PORT) value = read_port(b, role->reader);
    else {
        int tried = 0;
        read_registers(b, PC, 1);
        value = polled(b, b->values[PC], address, size, &tried);
        for (uint32_t i = 0; role && i < role->view_count; i++) value = viewed(b, role, i, value, tried);
    }
    value &= size == 4 ? UINT32_MAX : (INT64_C(1) << 8 * size) - 1;
    if (b->automatic.trials.most) note_access(b, 0, address, size, (uint32_t)value);
    return (uint64_t)value;
}

static int hold(struct board *b, uint32_t address, uint32_t size, uint32_t value) {
    struct cell *cell = cell_at(b, address, 1), *narrow;
    if (!cell) return 0;
    cell->value = value;
    cell->written = 1;
    for (uint32_t i = 1; size == 4 && i < 4; i++)
        if ((narrow = cell_at(b, address + i, 0))) narrow->written = 0;
    return 1;
}

void unknown_write(struct board *b, uint32_t address, uint32_t size, uint32_t value) {
    struct automatic *a = &b->automatic;
    const struct role *role = role_of(b, address);
    uint32_t old = board_held(b, address);
    if (a->trials.most) note_access(b, 1, address, size, value);
    if (!hold(b, address, size, value)) {
        no_memory(b);
        return;
    }
    wrote(&a->unknown, address >> 8);
    if (a->unknown.now.trying) {
        read_registers(b, PC, 1);
        if (!got_on(b, b->values[PC])) no_memory(b);
    }
    if (role && role->writer.of == A_PORT) port_send(b, role->writer.number, value & 0xFF);
    for (uint32_t i = 0; i < a->port_count; i++) port_written(b, i, address, old, value);
    if (a->trials.watched) b->python.written(address, old, value);
}

/* -- life ---------------------------------------------------------------------------------------------------------- */
/* What was learned before: a value for the code at an address, or (`waits`) that it waits for input there. */
API int board_knows(struct board *b, uint32_t code, uint32_t address, int64_t value, int waits) {
    struct unknown *u = &b->automatic.unknown;
    struct site *longer = realloc(u->known, (u->known_count + 1) * sizeof *longer);
    if (!longer) return -1;
    u->known = longer;
    u->known[u->known_count++] = (struct site){
        .code = code, .address = address, .known = value, .waits = (uint8_t)waits, .was_known = !waits};
    return 0;
}

API int board_unknown_reset(struct board *b) {
    struct unknown *u = &b->automatic.unknown;
    uint32_t number;
    clear(u);
    for (uint32_t i = 0; i < u->known_count; i++) {
        if (!u->known[i].was_known) continue;
        if (!site_at(b, u->known[i].code, u->known[i].address, &number) || !learn(u, number, u->known[i].known)) return -1;
    }
    return 0;
}

/* What loops went on with: three numbers each (code, register, value), with NULL only how many there are. */
API uint32_t board_learned(const struct board *b, int64_t *three) {
    const struct unknown *u = &b->automatic.unknown;
    for (uint32_t i = 0; three && i < u->now.learned_count; i++) {
        const struct site *site = &u->sites[u->learned[i]];
        *three++ = site->code, *three++ = site->address, *three++ = site->value;
    }
    return u->now.learned_count;
}

/* What was written: three numbers each (address, value, whether it counts), with NULL only how many there are. */
API uint32_t board_written(const struct board *b, uint32_t *three) {
    const struct unknown *u = &b->automatic.unknown;
    for (uint32_t i = 0; three && i < u->now.cell_count; i++)
        *three++ = u->cells[i].address, *three++ = u->cells[i].value, *three++ = u->cells[i].written;
    return u->now.cell_count;
}

API uint32_t board_dry(const struct board *b) { return b->automatic.unknown.now.dry; }

#define PARTS_OF(u, DO) \
    DO((u)->sites, (u)->now.site_count) DO((u)->cells, (u)->now.cell_count) DO((u)->places, (u)->now.place_count) \
    DO((u)->learned, (u)->now.learned_count)

size_t unknown_size(const struct unknown *u) {
    size_t size = sizeof u->now;
#define ADD(array, count) size += (count) * sizeof *(array);
    PARTS_OF(u, ADD)
#undef ADD
    return size;
}

void unknown_save(const struct unknown *u, uint8_t *to) {
    memcpy(to, &u->now, sizeof u->now);
    to += sizeof u->now;
#define SAVE(array, count) if (count) memcpy(to, array, (count) * sizeof *(array)); to += (count) * sizeof *(array);
    PARTS_OF(u, SAVE)
#undef SAVE
}

/* All arrays had room for what is copied when it was saved. */
int unknown_restore(struct unknown *u, const uint8_t *from) {
    clear(u);
    memcpy(&u->now, from, sizeof u->now);
    from += sizeof u->now;
#define COPY(array, count) if (count) memcpy(array, from, (count) * sizeof *(array)); from += (count) * sizeof *(array);
    PARTS_OF(u, COPY)
#undef COPY
    for (uint32_t i = 0; i < u->now.site_count; i++)
        if (!enter(u, &u->by_site)) return 0;
    for (uint32_t i = 0; i < u->now.cell_count; i++)
        if (!enter(u, &u->by_cell)) return 0;
    for (uint32_t i = 0; i < u->now.place_count; i++)
        if (!enter(u, &u->by_place)) return 0;
    return 1;
}

void unknown_delete(struct unknown *u) {
    free(u->sites), free(u->cells), free(u->places), free(u->learned), free(u->known);
    free(u->by_site.slots), free(u->by_cell.slots), free(u->by_place.slots);
}
