/* Signals: variables in RAM and output pins, kept when one of them differs from the last look. */
#include "board.h"
#include <stdlib.h>
#include <string.h>

enum { ODR = 0x14 >> 2 };

static uint32_t variable(const uint8_t *at, int32_t size) {
    int8_t byte;
    int16_t half;
    uint32_t value = 0;
    if (size == -1) return memcpy(&byte, at, 1), (uint32_t)(int32_t)byte;
    if (size == -2) return memcpy(&half, at, 2), (uint32_t)(int32_t)half;
    memcpy(&value, at, (size_t)(size < 0 ? -size : size));
    return value;
}

static uint32_t raw_of(const struct board *b, const struct signal *s) {
    if (!s->size) return b->devices[s->device].registers[ODR] >> s->pin & 1;
    return variable(b->shared.ram + s->offset, s->size);
}

static size_t sample_bytes(const struct board *b) { return sizeof(struct sample) + (b->signal_count * 4 + 7) / 8 * 8; }

static struct sample *new_sample(struct board *b) {
    uint32_t wanted = (uint32_t)b->shared.samples_count + 1;
    if (wanted > b->samples_size) {
        uint8_t *larger = realloc(b->samples, 2 * wanted * sample_bytes(b));
        if (!larger) return NULL;
        b->samples = larger;
        b->samples_size = 2 * wanted;
    }
    return (struct sample *)(b->samples + sample_bytes(b) * (wanted - 1));
}

void board_sample(struct board *b) {
    struct state *s = &b->shared.state;
    uint32_t raw[SIGNALS], bytes = 4 * b->signal_count;
    for (uint32_t i = 0; i < b->signal_count; i++) raw[i] = raw_of(b, &b->signals[i]);
    if (!b->signal_count) return;
    if (s->told && !memcmp(raw, s->sampled, bytes)) return;
    s->told = 1;
    memcpy(s->sampled, raw, bytes);
    struct sample *kept = new_sample(b);
    if (!kept) return;
    kept->cycle = s->base;
    memcpy(kept->raw, raw, bytes);
    b->shared.samples_count++;
}

API void board_untold(struct board *b) {
    b->shared.state.told = 0;
    b->shared.samples_count = 0;
}

API void board_current(const struct board *b, uint32_t *raw) {
    for (uint32_t i = 0; i < b->signal_count; i++) raw[i] = raw_of(b, &b->signals[i]);
}

API int board_signal(struct board *b, uint32_t offset, int32_t size, uint32_t device, uint32_t pin) {
    if (b->signal_count == SIGNALS) return -1;
    b->signals[b->signal_count++] = (struct signal){offset, size, device, pin};
    return 0;
}

API const uint8_t *board_samples(struct board *b, uint32_t *bytes_each) {
    *bytes_each = (uint32_t)sample_bytes(b);
    b->shared.samples_count = 0;
    return b->samples;
}
