/* Bytes on their way to the firmware, and what it has sent. */
#include "board.h"
#include <stdlib.h>
#include <string.h>

/* Room for `more` bytes behind those on their way; 0 without memory. */
int make_room(struct wire *w, uint32_t count, uint32_t more) {
    if (w->incoming_start) memmove(w->incoming, w->incoming + w->incoming_start, count);
    w->incoming_start = 0;
    if (count + more <= w->incoming_size) return 1;
    uint8_t *larger = realloc(w->incoming, 2 * (count + more));
    if (!larger) return 0;
    w->incoming = larger;
    w->incoming_size = 2 * (count + more);
    return 1;
}

int grow(void **at, uint32_t *size, uint32_t wanted, size_t each) {
    if (wanted <= *size) return 1;
    void *larger = realloc(*at, 2 * wanted * each);
    if (!larger) return 0;
    *at = larger;
    *size = 2 * wanted;
    return 1;
}

void emit(struct board *b, uint32_t slot, uint64_t cycle, const uint8_t *data, uint32_t size) {
    struct wire *w = &b->wires[slot];
    if (!grow((void **)&w->outputs, &w->output_size, w->output_count + 1, sizeof *w->outputs)) return;
    if (!grow((void **)&w->bytes, &w->bytes_size, w->bytes_used + size, 1)) return;
    w->outputs[w->output_count++] = (struct output){cycle, w->bytes_used, size};
    memcpy(w->bytes + w->bytes_used, data, size);
    w->bytes_used += size;
    b->shared.emitted |= 1 << slot;
}
