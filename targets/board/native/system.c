/* The private peripheral bus: SysTick, NVIC registers, system control block (ARM DDI 0403E, B3). */
#include "board.h"

enum { CSR = 0x010, RVR = 0x014, CVR = 0x018, ISER = 0x100, ICER = 0x180, ISPR = 0x200, ICPR = 0x280, IABR = 0x300 };
enum { IPR = 0x400, IPR_END = 0x4F0, ICSR = 0xD04, AIRCR = 0xD0C, SHPR1 = 0xD18, SHPR3 = 0xD20, SHCSR = 0xD24 };
enum { CFSR = 0xD28, HFSR = 0xD2C, STIR = 0xF00, FPCCR = 0xF34 };
#define VECTKEYSTAT (UINT32_C(0xFA05) << 16)
enum { PRIGROUP = 7 << 8 };
enum { ENABLE = 1, TICKINT = 2, COUNTFLAG = 1 << 16, SYSRESETREQ = 4, VECTKEY = 0x05FA, MEM_FAULT = 4 };

static uint64_t period(const struct device *d) { return (d->registers[RVR >> 2] & 0xFFFFFF) + 1; }

static uint32_t tick_value(const struct board *b, const struct device *d) {
    if (!(d->registers[CSR >> 2] & ENABLE)) return d->registers[CVR >> 2];
    return (uint32_t)(period(d) - 1 - (board_now(b) - b->shared.state.tick_origin) % period(d));
}

static void tick_write(struct board *b, struct device *d, uint32_t offset, uint32_t value) {
    d->registers[offset >> 2] = offset != CVR ? value & 0xFFFFFF : 0;
    uint64_t origin = b->shared.state.tick_origin = board_now(b);
    if (d->registers[CSR >> 2] & ENABLE && period(d) > 1) board_arm(b, d->sources[0], origin + period(d));
    else board_disarm(b, d->sources[0]);
}

void system_tick(struct board *b, struct device *d) {
    d->registers[CSR >> 2] |= COUNTFLAG;
    board_arm(b, d->sources[0], board_now(b) + period(d));
    if (d->registers[CSR >> 2] & TICKINT) board_pend(b, SYSTICK);
}

static uint32_t interrupt_state(const struct state *s) {
    uint32_t pending = 0, waiting = s->pending[0] >> IRQ0 != 0;
    for (uint32_t number = EXCEPTIONS; number--;)
        if (in_set(s->pending, number) && in_set(s->enabled, number)) pending = number;
    for (int word = 1; word < SET_WORDS; word++) waiting |= s->pending[word] != 0;
    return (s->active_count ? s->active[s->active_count - 1] : 0) | pending << 12 | waiting << 22;
}

static uint32_t nvic_read(const struct state *s, uint32_t offset) {
    uint32_t value = 0, first = IRQ0 + 8 * (offset & 0x7F), kind = offset & ~UINT32_C(0x7F);
    if (offset >= IPR) {
        for (uint32_t i = 0; i < 4; i++) value |= (uint32_t)s->priorities[IRQ0 + offset - IPR + i] << 8 * i;
        return value;
    }
    const uint64_t *set = kind == ISER || kind == ICER ? s->enabled : s->pending;
    for (uint32_t i = 0; i < 32; i++)
        value |= (uint32_t)(kind == IABR ? is_active(s, first + i) : in_set(set, first + i)) << i;
    return value;
}

static void nvic_act(struct board *b, uint32_t kind, uint32_t number) {
    switch (kind) {
    case ISER: board_enable(b, (int)number); break;
    case ICER: take_out(b->shared.state.enabled, number); break;
    case ISPR: board_pend(b, (int)number); break;
    case ICPR: take_out(b->shared.state.pending, number); break;
    default: break;
    }
}

static void nvic_write(struct board *b, uint32_t offset, uint32_t value) {
    uint32_t first = IRQ0 + 8 * (offset & 0x7F);
    if (offset >= IPR) {
        for (uint32_t i = 0; i < 4; i++) b->shared.state.priorities[IRQ0 + offset - IPR + i] = value >> 8 * i & 0xF0;
        return;
    }
    for (uint32_t i = 0; i < 32; i++)
        if (value >> i & 1 && first + i < EXCEPTIONS) nvic_act(b, offset & ~UINT32_C(0x7F), first + i);
}

static void set_pending(struct board *b, uint32_t value) {
    uint64_t *pending = b->shared.state.pending;
    if (value >> 31 & 1) board_pend(b, NMI);
    if (value >> 28 & 1) board_pend(b, PENDSV);
    if (value >> 27 & 1) take_out(pending, PENDSV);
    if (value >> 26 & 1) board_pend(b, SYSTICK);
    if (value >> 25 & 1) take_out(pending, SYSTICK);
}

static void follow(struct board *b, uint32_t offset, uint32_t value) {
    struct state *s = &b->shared.state;
    if (offset >= SHPR1 && offset <= SHPR3)
        for (uint32_t i = 0; i < 4; i++) s->priorities[4 + offset - SHPR1 + i] = value >> 8 * i & 0xF0;
    else if (offset == SHCSR)
        for (uint32_t i = 0; i < 3; i++) (value >> (16 + i) & 1 ? put_in : take_out)(s->enabled, MEM_FAULT + i);
}

/* AIRCR: priority grouping, and the request of a reset; nothing without the key. */
static void control(struct board *b, struct device *d, uint32_t value) {
    if (value >> 16 != VECTKEY) return;
    d->registers[AIRCR >> 2] = VECTKEYSTAT | (value & PRIGROUP);
    if (value & SYSRESETREQ) b->python.request_reset();
}

uint32_t system_read(struct board *b, struct device *d, uint32_t offset) {
    if (offset == CVR) return tick_value(b, d);
    if (offset >= ISER && offset < IPR_END) return nvic_read(&b->shared.state, offset);
    if (offset == ICSR) return interrupt_state(&b->shared.state);
    uint32_t value = plain_read(d, offset);
    if (offset == CSR) d->registers[CSR >> 2] &= ~(uint32_t)COUNTFLAG;
    if (offset == FPCCR) {
        read_registers(b, CONTROL, 1);
        if (b->values[CONTROL] & FPCA) floating_kept(b);
        return d->registers[FPCCR >> 2];
    }
    return value;
}

void system_write(struct board *b, struct device *d, uint32_t offset, uint32_t value) {
    if (offset == CSR || offset == RVR || offset == CVR) tick_write(b, d, offset, value);
    else if (offset >= ISER && offset < IPR_END) nvic_write(b, offset, value);
    else if (offset == ICSR) set_pending(b, value);
    else if (offset == AIRCR) {
        control(b, d, value);
    } else if (offset == CFSR || offset == HFSR) d->registers[offset >> 2] &= ~value;
    else if (offset == STIR) board_pend(b, IRQ0 + (int)(value & 0x1FF));
    else {
        plain_write(d, offset, value);
        follow(b, offset, value);
    }
}
