/* What the firmware compares: both operands of its subtractions, the first few of each place. Of any machine. */
#include "board.h"
#include <stdlib.h>

/* How often one address was noted since the life that `stamp` counts began. */
struct place { uint32_t address, stamp, times; };

struct compared { uint32_t address, left, right; };
struct compares { /* since they were forgotten last */
    struct place *places;
    struct compared *found;
    uint32_t noting, often, most, count, stamp;
};

API void board_compares_delete(struct compares *c) {
    if (c) free(c->places), free(c->found);
    free(c);
}

/* `often` of each place, `most` of all, which is a power of two; NULL where there is no room for them. */
API struct compares *board_compares_new(uint32_t often, uint32_t most) {
    struct compares *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    *c = (struct compares){calloc(2 * most, sizeof *c->places), calloc(most, sizeof *c->found), 0, often, most, 0, 1};
    if (c->places && c->found) return c;
    board_compares_delete(c);
    return NULL;
}

API void board_compares_forget(struct compares *c) {
    c->count = 0;
    c->stamp++;
}

API void board_compares_note(struct compares *c, int noting) { c->noting = noting; }

API const struct compared *board_compares_found(const struct compares *c, uint32_t *count) {
    *count = c->count;
    return c->found;
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
    struct compares *c = user;
    (void)uc, (void)size;
    if (!c->noting || c->count == c->most) return;
    struct place *place = place_of(c, (uint32_t)address);
    if (place->times == c->often) return;
    place->times++;
    c->found[c->count++] = (struct compared){(uint32_t)address, (uint32_t)left, (uint32_t)right};
}
