/* The run loop: exceptions that are pending, one slice of instructions, and why it ended. */
#include "board.h"
#include <string.h>

enum { SERVICE_CALL = 2, EXCEPTION_EXIT = 8, MASKED_SLICE = 8, CPSIE_I = 0xB662, BRANCH = 0x1C, PAINTED = 32, PAINT = 0xC5 };

static void stop_for(struct board *b, int trap) {
    b->shared.trap = trap;
    b->unicorn.stop(b->shared.uc);
}

static void stacking_fault(struct board *b, int trap) {
    b->shared.stacking = 1;
    stop_for(b, trap);
}

/* Called by Unicorn. Exception return and SVC go on inside the slice; anything else is a fault. */
API void board_interrupt(void *uc, uint32_t number, void *user) {
    struct board *b = user;
    uint32_t address;
    (void)uc;
    if (number == EXCEPTION_EXIT) {
        if (b->shared.undescribed && b->shared.state.active_count)
            handler_leaves(b, b->shared.state.active[b->shared.state.active_count - 1]);
        read_registers(b, PC, 1);
        if (board_leave(b, b->values[PC] | 1)) {
            stacking_fault(b, (int)number);
            return;
        }
    } else if (number == SERVICE_CALL && board_takes(b, SVC)) board_pend(b, SVC);
    else {
        stop_for(b, (int)number);
        return;
    }
    int following = board_candidate(b);
    if (following && !board_masked(b, following) && board_enter(b, following, &address)) stacking_fault(b, (int)number);
}

/* Code that runs for the first time, or after flash may have changed, is told before it runs. */
static void before_code(struct board *b, uint32_t pc) {
    uint64_t offset = (uint64_t)pc - b->shared.flash_base, block = offset >> BLOCK_BITS;
    int fresh = pc >= b->shared.flash_base && offset < b->shared.flash_size && !b->seen[block];
    if (!fresh && !b->shared.stale) return;
    b->shared.stale = 0;
    b->python.before_code(pc);
    if (fresh) b->seen[block] = 1;
}

static int guard_broken(const struct board *b) {
    if (b->shared.guard < 0) return 0;
    const uint8_t *at = b->shared.ram + b->shared.guard;
    for (int i = 0; i < PAINTED; i++)
        if (at[i] != PAINT) return 1;
    return 0;
}

static enum ended idle(struct board *b) {
    b->shared.state.sleeping = 1;
    b->shared.state.busy = 0;
    board_sample(b);
    return guard_broken(b) ? STACK_LIMIT : DONE;
}

static enum ended after(struct board *b) {
    int slept = *b->shared.counter <= *b->shared.limit;
    if (b->shared.failed) return RAISED;
    if (b->shared.undescribed) input_taken(b);
    if (b->shared.reset || b->shared.error || b->shared.trap >= 0) {
        b->shared.state.waiting.polled = 0;
        return b->shared.reset ? DONE : FAULT;
    }
    if (b->shared.undescribed) {
        enum ended found = look_for_rest(b, slept);
        return found == DONE && b->shared.state.sleeping ? idle(b) : found;
    }
    if (slept) return idle(b);
    return b->shared.state.busy > b->shared.hang_budget ? HANG : DONE;
}

enum ended slice(struct board *b, uint32_t pc, int64_t limit) {
    struct shared *s = &b->shared;
    before_code(b, pc);
    s->trap = -1;
    s->stacking = 0;
    s->running = 1;
    s->error = b->unicorn.start(s->uc, pc | 1, UINT32_MAX, 0, (size_t)(limit < 2 ? 2 : limit));
    uint64_t executed = board_now(b) - s->state.base;
    s->running = 0;
    s->state.base += executed;
    s->state.busy += executed;
    s->work += executed;
    return after(b);
}

/* Execute `cpsie i` at `pc` by hand: what follows WFI in every sleep loop, with the wake-up pending. */
static int unmasks(struct board *b, uint32_t pc) {
    if (b->values[BASEPRI] || b->values[FAULTMASK]) return 0;
    uint32_t code = half_word(b, pc);
    if (b->shared.undescribed && code >> 11 == BRANCH) { /* it may stand where the branch behind WFI leads */
        pc += 4 + 2 * ((code & 0x7FF) - ((code & 0x400) << 1));
        if (half_word(b, pc) == CPSIE_I) b->shared.state.base++;
        code = half_word(b, pc);
    }
    if (code != CPSIE_I) return 0;
    b->values[PC] = (pc + 2) | 1;
    b->values[PRIMASK] = 0;
    write_registers(b, PC, 1);
    write_registers(b, PRIMASK, 1);
    b->shared.state.base++;
    return 1;
}

static enum ended execute(struct board *b, uint64_t until) {
    struct state *s = &b->shared.state;
    int number = board_candidate(b);
    int64_t limit = (int64_t)(until < s->next ? until : s->next) - (int64_t)s->base;
    int64_t left = b->shared.undescribed ? rest_limit(b) : (int64_t)(b->shared.hang_budget - s->busy + 1);
    if (left < limit) limit = left;
    read_registers(b, R0, CONTROL + 1);
    uint32_t pc = b->values[PC];
    int64_t masked = b->shared.undescribed ? masked_slice(b) : MASKED_SLICE;
    if (number && masked_by(b, number) && !unmasks(b, pc)) limit = limit < masked ? limit : masked;
    else if (number && board_enter(b, number, &pc)) return LOCKUP;
    return slice(b, pc, limit);
}

/* Skip time to the next event; 0 when `until` comes first. An interrupt ends the sleep. */
static int wake(struct board *b, uint64_t until) {
    struct state *s = &b->shared.state;
    if (!s->locked && board_candidate(b)) {
        s->sleeping = 0;
        return 1;
    }
    if (s->next > until) {
        if (until > s->base) s->base = until;
        return 0;
    }
    s->base = s->next;
    return 1;
}

static int has_output(const struct board *b, int watched) {
    uint64_t base = b->shared.state.base;
    if (b->shared.first_output <= base) return 1;
    if (watched < 0) return 0;
    const struct wire *w = &b->wires[watched];
    return w->output_count && w->outputs[0].cycle <= base;
}

/* As `wake`; where nobody described the chip it may pause, and what polls goes on by itself. */
static int wakes(struct board *b, uint64_t until) {
    struct state *s = &b->shared.state;
    if (!b->shared.undescribed) return wake(b, until);
    if (b->shared.pausing && !feeding(b) && !board_candidate(b)) return 0;
    if (!s->locked && board_candidate(b)) s->waiting.spun = 0;
    if (!wake(b, until)) return 0;
    if (s->waiting.spun && !s->locked) s->sleeping = s->waiting.spun = 0;
    return 1;
}

/* Run to `until`, or to the moment at which the watched USART (or -1) has sent something. */
API int board_run(struct board *b, uint64_t until, int watched) {
    struct state *s = &b->shared.state;
    for (;;) {
        if (b->shared.failed) return RAISED;
        if (b->shared.reset) return RESET;
        if (has_output(b, watched)) return DONE;
        if (s->next <= s->base) {
            board_fire(b);
            continue;
        }
        if (s->sleeping && !wakes(b, until)) return DONE;
        if (s->sleeping) continue;
        if (s->base >= until) return DONE;
        enum ended ended = execute(b, until);
        if (ended != DONE) return ended;
    }
}
