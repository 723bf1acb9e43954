/* Exceptions of ARMv7-M: pending, enabled and active, priorities and masks (ARM DDI 0403E, B1.5). */
#include "board.h"

enum { AIRCR = 0xD0C >> 2 };

int in_set(const uint64_t *set, uint32_t number) {
    return number < 64 * SET_WORDS && set[number >> 6] >> (number & 63) & 1;
}
void put_in(uint64_t *set, uint32_t number) {
    if (number < 64 * SET_WORDS) set[number >> 6] |= UINT64_C(1) << (number & 63);
}
void take_out(uint64_t *set, uint32_t number) {
    if (number < 64 * SET_WORDS) set[number >> 6] &= ~(UINT64_C(1) << (number & 63));
}

static void interrupt_soon(struct board *b) {
    if (b->shared.running) stop_after_instruction(b);
}

int priority_of(const struct board *b, int number) {
    return number == NMI ? -2 : number == HARD_FAULT ? -1 : b->shared.state.priorities[number];
}

static int grouping(const struct board *b) {
    return 0xFF & ~((2 << (b->system->registers[AIRCR] >> 8 & 7)) - 1);
}

API int board_group(const struct board *b, int number) {
    int priority = priority_of(b, number);
    return priority < 0 ? priority : priority & grouping(b);
}

void board_pend(struct board *b, int number) {
    put_in(b->shared.state.pending, (uint32_t)number);
    if (in_set(b->shared.state.enabled, (uint32_t)number)) interrupt_soon(b);
}

void board_line(struct board *b, int number, int level) {
    struct state *s = &b->shared.state;
    if (level == in_set(s->lines, (uint32_t)number)) return;
    if (level) {
        put_in(s->lines, (uint32_t)number);
        board_pend(b, number);
    } else {
        take_out(s->lines, (uint32_t)number);
        take_out(s->pending, (uint32_t)number);
    }
}

void board_enable(struct board *b, int number) {
    put_in(b->shared.state.enabled, (uint32_t)number);
    if (in_set(b->shared.state.pending, (uint32_t)number)) interrupt_soon(b);
}

int board_running(const struct board *b) {
    const struct state *s = &b->shared.state;
    int running = THREAD_PRIORITY;
    for (uint32_t i = 0; i < s->active_count; i++) {
        int group = board_group(b, (int)s->active[i]);
        if (group < running) running = group;
    }
    return running;
}

int board_candidate(const struct board *b) {
    const struct state *s = &b->shared.state;
    int best = 0, urgent = 1 << 20;
    for (int word = 0; word < EXCEPTIONS / 64; word++)
        for (uint64_t ready = s->pending[word] & s->enabled[word]; ready; ready &= ready - 1) {
            int number = word * 64 + __builtin_ctzll(ready), priority = priority_of(b, number);
            if (priority < urgent) urgent = priority, best = number;
        }
    return best && (!s->active_count || board_group(b, best) < board_running(b)) ? best : 0;
}

int masked_by(const struct board *b, int number) {
    const uint32_t *mask = b->values;
    if (!(mask[PRIMASK] | mask[BASEPRI] | mask[FAULTMASK])) return 0;
    int level = mask[BASEPRI] ? (int)mask[BASEPRI] & grouping(b) : THREAD_PRIORITY;
    int boosted = mask[FAULTMASK] & 1 ? -1 : mask[PRIMASK] & 1 ? 0 : level;
    return board_group(b, number) >= boosted;
}

int board_masked(struct board *b, int number) {
    read_registers(b, PRIMASK, 4);
    return masked_by(b, number);
}

int board_takes(struct board *b, int number) {
    return in_set(b->shared.state.enabled, (uint32_t)number) && board_group(b, number) < board_running(b) &&
           !board_masked(b, number);
}

API void board_unpend(struct board *b, int number) { take_out(b->shared.state.pending, (uint32_t)number); }
API int board_priority(const struct board *b, int number) { return priority_of(b, number); }

API void board_nvic_reset(struct board *b) {
    static const uint8_t always[] = {NMI, HARD_FAULT, SVC, PENDSV, SYSTICK};
    struct state *s = &b->shared.state;
    for (int i = 0; i < SET_WORDS; i++) s->pending[i] = s->lines[i] = s->enabled[i] = 0;
    for (int i = 0; i < EXCEPTIONS; i++) s->priorities[i] = 0;
    for (unsigned i = 0; i < sizeof always; i++) put_in(s->enabled, always[i]);
    s->active_count = 0;
}

/* Members of a set, for Python: 0 pending, 1 lines, 2 enabled, 3 active in their order; returns how many. */
API int board_members(const struct board *b, int which, uint32_t *members) {
    const struct state *s = &b->shared.state;
    const uint64_t *set = which == 0 ? s->pending : which == 1 ? s->lines : s->enabled;
    int count = 0;
    if (which == 3)
        for (; count < (int)s->active_count; count++) members[count] = s->active[count];
    else
        for (uint32_t number = 0; number < 64 * SET_WORDS; number++)
            if (in_set(set, number)) members[count++] = number;
    return count;
}
