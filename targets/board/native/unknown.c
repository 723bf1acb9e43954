/* Registers without a model keep what is written, ports and ticks answer for some; see `Unknown`. What loops that poll
 * one are given is polling.c's. Numbers of sites, cells and places are from 0, in the order in which they came. */
#include "board.h"
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 64 };

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

int no_memory(struct board *b) {
    b->shared.failed = 1;
    if (b->shared.running) stop_after_instruction(b);
    return -1;
}

struct site *site_at(struct board *b, uint32_t code, uint32_t address, uint32_t *number) {
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

int is_written(struct board *b, uint32_t address) {
    const struct cell *cell = cell_at(b, address, 0);
    return cell && cell->written;
}

/* What was written last, by whole words or narrower. */
API uint32_t board_held(struct board *b, uint32_t address) {
    const struct cell *own = cell_at(b, address, 0), *word = cell_at(b, address & ~UINT32_C(3), 0);
    if (own && own->written) return own->value;
    return word && word->written ? word->value >> 8 * (address & 3) : 0;
}

/* 1 for a place in the code from which no register was written before, 0 for others; -1 without memory. */
int is_new_place(struct board *b, uint32_t place) {
    struct unknown *u = &b->automatic.unknown;
    if (find(u, &u->by_place, place) >= 0) return 0;
    if (!grow((void **)&u->places, &u->place_room, u->now.place_count + 1, sizeof *u->places)) return -1;
    u->places[u->now.place_count] = place;
    if (!enter(u, &u->by_place)) return -1;
    u->now.place_count++;
    return 1;
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
        got_on(b, b->values[PC]);
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
