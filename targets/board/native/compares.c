/* What the firmware compares: both operands of its subtractions, the first few of each place. */
#include "board.h"
#include <stdlib.h>

/* How often one address was noted since the life that `stamp` counts began. */
struct place { uint32_t address, stamp, times; };

API void board_forget_compared(struct board *b) {
    b->compares.count = 0;
    b->compares.stamp++;
}

/* `often` of each place, `most` of all, which is a power of two; none where there is no room for them. */
API void board_note_compared(struct board *b, uint32_t often, uint32_t most) {
    struct compares *c = &b->compares;
    board_forget_compared(b);
    if (!c->places) {
        c->places = calloc(2 * most, sizeof *c->places);
        c->found = calloc(most, sizeof *c->found);
        if (!c->places || !c->found) return;
        c->most = most;
    }
    c->often = often;
    c->noting = 1;
}

API const struct compared *board_compared(struct board *b, uint32_t *count) {
    b->compares.noting = 0;
    *count = b->compares.count;
    return b->compares.found;
}

/* There are twice as many places as can be found, so that one is always free. */
static struct place *place_of(struct compares *c, uint32_t address) {
    uint32_t at = (address >> 1) * UINT32_C(2654435761);
    for (;; at++) {
        struct place *place = &c->places[at & (2 * c->most - 1)];
        if (place->stamp != c->stamp) *place = (struct place){address, c->stamp, 0};
        if (place->address == address) return place;
    }
}

API void board_compares(void *uc, uint64_t address, uint64_t left, uint64_t right, uint32_t size, void *user) {
    struct compares *c = &((struct board *)user)->compares;
    (void)uc, (void)size;
    if (!c->noting || c->count == c->most) return;
    struct place *place = place_of(c, (uint32_t)address);
    if (place->times == c->often) return;
    place->times++;
    c->found[c->count++] = (struct compared){(uint32_t)address, (uint32_t)left, (uint32_t)right};
}

void free_compares(struct board *b) {
    free(b->compares.places);
    free(b->compares.found);
}
