/* General-purpose timers (RM0090 ch. 18). The counter is computed from virtual time; nothing runs between events. */
#include "board.h"

enum { CR1 = 0, DIER = 3, SR = 4, CNT = 9, PSC = 10, ARR = 11, CCR1 = 13, CHANNELS = 4, POINTS = CHANNELS + 1 };
enum { CEN = 1, OPM = 1 << 3, UIF = 1, FLAGS = 0x1F };
struct point { uint32_t flag; int64_t value; };

static struct timer *timer_of(struct board *b, const struct device *d) { return &b->shared.state.timers[d->slot]; }
static int64_t period(const struct device *d) { return (int64_t)(d->registers[ARR] & d->mask) + 1; }

static int64_t floor_of(int64_t value, int64_t divisor) {
    int64_t quotient = value / divisor;
    return value % divisor < 0 ? quotient - 1 : quotient;
}

static int64_t ticks(struct board *b, const struct device *d) {
    const struct timer *t = timer_of(b, d);
    return floor_of((int64_t)board_now(b) - t->origin, t->divisor);
}

static int64_t count_of(struct board *b, const struct device *d) {
    return d->registers[CR1] & CEN ? ticks(b, d) % period(d) : d->registers[CNT];
}

static void start_from(struct board *b, struct device *d, int64_t count) {
    struct timer *t = timer_of(b, d);
    d->registers[CNT] = (uint32_t)count;
    t->origin = (int64_t)board_now(b) - count * t->divisor;
    t->checked = count;
}

/* Every event that can happen: update and the compare channels. */
static int points_of(const struct device *d, struct point *points) {
    int found = 1;
    points[0] = (struct point){UIF, 0};
    for (uint32_t channel = 0; channel < CHANNELS; channel++) {
        int64_t value = d->registers[CCR1 + channel] & d->mask;
        if (value < period(d)) points[found++] = (struct point){UINT32_C(2) << channel, value};
    }
    return found;
}

static void collect(struct board *b, struct device *d) {
    struct timer *t = timer_of(b, d);
    struct point points[POINTS];
    if (!(d->registers[CR1] & CEN)) return;
    int64_t at = ticks(b, d), length = period(d);
    if (at == t->checked) return;
    for (int i = points_of(d, points); i--;)
        if (floor_of(at - points[i].value, length) > floor_of(t->checked - points[i].value, length))
            d->registers[SR] |= points[i].flag;
    t->checked = at;
}

static void plan(struct board *b, struct device *d, uint32_t enabled) {
    struct timer *t = timer_of(b, d);
    struct point points[POINTS];
    uint32_t waiting = enabled & ~d->registers[SR];
    if (!(d->registers[CR1] & CEN) || !waiting) {
        board_disarm(b, d->sources[0]);
        return;
    }
    int64_t length = period(d), nearest = INT64_MAX;
    for (int i = points_of(d, points); i--;) {
        int64_t away = points[i].value - t->checked - 1, distance = away - floor_of(away, length) * length + 1;
        if (points[i].flag & waiting && distance < nearest) nearest = distance;
    }
    if (nearest != INT64_MAX) board_arm(b, d->sources[0], (uint64_t)(t->origin + (t->checked + nearest) * t->divisor));
}

static void update(struct board *b, struct device *d) {
    uint32_t enabled = d->registers[DIER] & FLAGS;
    board_line(b, d->exceptions[0], (d->registers[SR] & enabled) != 0);
    plan(b, d, enabled);
}

void timer_event(struct board *b, struct device *d) {
    collect(b, d);
    if (d->registers[CR1] & OPM && d->registers[SR] & UIF) d->registers[CR1] &= ~(uint32_t)CEN;
    update(b, d);
}

uint32_t timer_read(struct board *b, struct device *d, uint32_t offset) {
    if (offset == 4 * CNT) return (uint32_t)count_of(b, d);
    if (offset == 4 * SR) collect(b, d);
    return plain_read(d, offset);
}

/* EGR: software update loads the prescaler and restarts; compare bits set their flags. */
static void generate(struct board *b, struct device *d, uint32_t value) {
    d->registers[SR] |= value & (FLAGS & ~UIF);
    if (!(value & UIF)) return;
    timer_of(b, d)->divisor = (d->registers[PSC] & 0xFFFF) + 1;
    start_from(b, d, 0);
    d->registers[SR] |= UIF;
}

static void configure(struct board *b, struct device *d, uint32_t offset, uint32_t value) {
    int64_t count = count_of(b, d);
    if (offset == 4 * CR1) d->registers[CR1] = value;
    else plain_write(d, offset, value);
    if (offset == 4 * CR1 || offset == 4 * ARR) start_from(b, d, count);
}

void timer_write(struct board *b, struct device *d, uint32_t offset, uint32_t value) {
    collect(b, d);
    switch (offset) {
    case 4 * SR: d->registers[SR] &= value; break;
    case 0x14: generate(b, d, value); break;
    case 4 * CNT: start_from(b, d, value & d->mask); break;
    default: configure(b, d, offset, value);
    }
    update(b, d);
}
