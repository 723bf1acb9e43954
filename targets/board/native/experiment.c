/* Experiments with registers: what they read as by force, what is accessed, and loops that polled in vain. */
#include "board.h"
#include <stdlib.h>

static struct trials *trials_of(struct board *b) { return &b->automatic.trials; }

/* The value that an experiment wants next, the last one from then on; 0 where it wants none. */
int forced_value(struct board *b, uint32_t address, int64_t *value) {
    struct trials *t = trials_of(b);
    for (uint32_t i = 0; i < t->forced_count; i++) {
        struct forced *f = &t->forced[i];
        if (f->address != address) continue;
        *value = f->values[f->at];
        f->at += f->at + 1 < f->count;
        return 1;
    }
    return 0;
}

API void board_unforce(struct board *b) { trials_of(b)->forced_count = 0; }

API int board_force(struct board *b, uint32_t address, const int64_t *values, uint32_t count) {
    struct trials *t = trials_of(b);
    if (t->forced_count == FORCED || count > FORCED_VALUES) return -1;
    struct forced *f = &t->forced[t->forced_count++];
    f->address = address, f->count = count, f->at = 0;
    for (uint32_t i = 0; i < count; i++) f->values[i] = values[i];
    return 0;
}

/* While nothing is resolved, no value is tried for a loop that polls. */
API void board_resolve(struct board *b, int resolving) { trials_of(b)->unresolved = !resolving; }

/* Keep the first `most` accesses from now on; none: 0. */
API void board_log(struct board *b, uint32_t most) {
    trials_of(b)->logged = 0;
    trials_of(b)->most = most;
}

API const struct access *board_logged(struct board *b, uint32_t *count) {
    *count = trials_of(b)->logged;
    return trials_of(b)->log;
}

void note_access(struct board *b, int write, uint32_t address, uint32_t size, uint32_t value) {
    struct trials *t = trials_of(b);
    const struct state *s = &b->shared.state;
    if (t->logged >= t->most) return;
    if (!grow((void **)&t->log, &t->log_room, t->logged + 1, sizeof *t->log)) return;
    read_registers(b, PC, 1);
    uint32_t handler = s->active_count ? s->active[s->active_count - 1] : 0;
    t->log[t->logged++] = (struct access){(uint32_t)write, b->values[PC], address, size, value, handler};
}

/* A loop polled a register at this place though nothing helped; each place once. */
void note_dry(struct board *b, uint32_t code, uint32_t address) {
    struct trials *t = trials_of(b);
    for (uint32_t i = 0; i < t->dry_count; i++)
        if (t->dry[i].code == code && t->dry[i].address == address) return;
    if (t->dry_count == DRY) return;
    t->dry[t->dry_count].code = code, t->dry[t->dry_count].address = address;
    t->dry_count++;
}

/* Two numbers each: code and register. */
API const uint32_t *board_dry_sites(struct board *b, uint32_t *count) {
    *count = trials_of(b)->dry_count;
    return &trials_of(b)->dry[0].code;
}

API void board_watch_writes(struct board *b, int watch) { trials_of(b)->watched = watch; }

void trials_delete(struct trials *t) { free(t->log); }
