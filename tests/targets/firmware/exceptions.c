/* Rules of exceptions (ARM DDI 0403E, B1.5), tried one after another and told on USART1: the same text on any Cortex-M4. */
#include <stdint.h>
#define REG(a) (*(volatile uint32_t *)(a))
#define ICSR REG(0xE000ED04)
#define AIRCR REG(0xE000ED0C)
#define CCR REG(0xE000ED14)
#define SHPR2 REG(0xE000ED1C)
#define SHPR3 REG(0xE000ED20)
#define SHCSR REG(0xE000ED24)
#define CFSR REG(0xE000ED28)
#define HFSR REG(0xE000ED2C)
#define FPCCR REG(0xE000EF34)
#define FPCAR REG(0xE000EF38)
#define PENDSV (ICSR = 1u << 28)
#define ASM(...) __asm volatile(__VA_ARGS__)
#define NAKED __attribute__((naked, used))
extern uint32_t __stack_top;
static uint32_t trace[400], traced;
static uint32_t process[128] __attribute__((aligned(8)));

__attribute__((used)) void note(uint32_t what) { if (traced < 400) trace[traced++] = what; }
static void put(char c) { while (!(REG(0x40011000) & 0x80)) {} REG(0x40011004) = (uint32_t)c; }
static void tell(const char *name) {
    while (*name) put(*name++);
    for (uint32_t i = 0; i < traced; i++) {
        put(' ');
        for (int shift = 28; shift >= 0; shift -= 4) put("0123456789abcdef"[trace[i] >> shift & 15]);
    }
    put('\n');
    traced = 0;
}
static uint32_t control(void) { uint32_t v; ASM("mrs %0, control" : "=r"(v)); return v & 7; }
static uint32_t ipsr(void) { uint32_t v; ASM("mrs %0, ipsr" : "=r"(v)); return v; }
static void sync(void) { ASM("dsb\n isb" ::: "memory"); }

/* Every handler is told its frame and EXC_RETURN; what it does there is the rule's. */
typedef void (*act)(uint32_t *frame, uint32_t link);
__attribute__((used)) static volatile act on_hard, on_usage, on_service, on_pend, on_one, on_two, on_three;
#define HANDLER(name, variable)                                                                                        \
    NAKED static void name(void) {                                                                                     \
        ASM("mov r1, lr\n tst lr, #4\n ite eq\n mrseq r0, msp\n mrsne r0, psp\n push {r1, lr}\n"                       \
            "movw r2, #:lower16:" #variable "\n movt r2, #:upper16:" #variable "\n ldr r2, [r2]\n blx r2\n"            \
            "pop {r1, pc}");                                                                                           \
    }
HANDLER(hard, on_hard) HANDLER(usage, on_usage) HANDLER(service, on_service) HANDLER(pend, on_pend)
HANDLER(one, on_one) HANDLER(two, on_two) HANDLER(three, on_three)

/* -- service calls that cannot be taken ---------------------------------------------------------------------------- */
static void forced(uint32_t *frame, uint32_t link) {
    note(ipsr()); note(HFSR); note(link); HFSR = ~0u;
    ASM("msr primask, %0\n msr basepri, %0" : : "r"(0));
    frame[0] = 77;
    frame[6] = frame[1];                                        /* R1: where to go on */
}
static uint32_t call_masked(uint32_t primask, uint32_t basepri) {
    register uint32_t r0 __asm("r0");
    ASM("msr primask, %1\n msr basepri, %2\n adr r1, 1f\n movs r0, #1\n svc #0\n b 2f\n .p2align 2\n 1: nop\n 2:"
        : "=r"(r0) : "r"(primask), "r"(basepri) : "r1", "memory");
    return r0;
}
static void served(uint32_t *frame, uint32_t link) { note(ipsr()); note(link); frame[0] = 33; }
static void call_within(uint32_t *frame, uint32_t link) { (void)frame; (void)link; note(call_masked(0, 0)); note(ipsr()); }
static void masked_calls(void) {
    on_hard = forced; on_service = served; on_pend = call_within;
    SHPR2 = 0x40u << 24; SHPR3 = 0x80u << 16;
    note(call_masked(0, 0)); tell("svc");
    note(call_masked(1, 0)); tell("svc primask");
    note(call_masked(0, 0x40)); tell("svc basepri");
    note(call_masked(0, 0x50)); tell("svc basepri lower");
    ASM("msr basepri, %0" : : "r"(0)); sync();
    PENDSV; sync(); tell("svc from a lower handler");
    SHPR3 = 0x40u << 16;
    PENDSV; sync(); tell("svc from an equal handler");
    SHPR3 = 0x20u << 16;
    PENDSV; sync(); tell("svc from a higher handler");
    SHPR2 = SHPR3 = 0;
}

/* -- where the frame lies -------------------------------------------------------------------------------------------- */
static uint32_t *seen;
static void where(uint32_t *frame, uint32_t link) { (void)link; seen = frame; note(frame[7] >> 9 & 1); }
static void frames_at(uint32_t offset) {
    uint32_t before, after;
    ASM("mov r4, sp\n sub r5, r4, #128\n add r5, %2\n mov sp, r5\n svc #0\n mov %1, sp\n mov %0, r5\n mov sp, r4\n"
        : "=r"(before), "=r"(after) : "r"(offset) : "r4", "r5", "memory");
    note(before & 7); note(after - before); note((uint32_t)seen & 7); note(before - (uint32_t)seen);
}
static void frames(void) {
    on_service = where;
    ASM("mov r4, sp\n bic r4, #7\n mov sp, r4" ::: "r4", "memory");
    for (uint32_t offset = 0; offset < 8; offset += 4) frames_at(offset);
    tell("frames");
    CCR &= ~0x200u; sync();
    for (uint32_t offset = 0; offset < 8; offset += 4) frames_at(offset);
    CCR |= 0x200u; sync();
    tell("frames not aligned");
}

/* -- order of interrupts ----------------------------------------------------------------------------------------------- */
static void priority(uint32_t irq, uint32_t value) { *(volatile uint8_t *)(0xE000E400 + irq) = (uint8_t)value; }
static void raise(uint32_t irqs) { REG(0xE000E200) = irqs; sync(); }
static void first(uint32_t *f, uint32_t link) { (void)f; note(1); note(link); raise(1u << 2 | 1u << 3); note(11); }
static void second(uint32_t *f, uint32_t link) { (void)f; note(2); note(link); note(ICSR & 0x1FF); }
static void third(uint32_t *f, uint32_t link) { (void)f; note(3); note(link); PENDSV; sync(); note(33); }
static void last(uint32_t *f, uint32_t link) { (void)f; note(4); note(link); }
static void order(void) {
    on_one = first; on_two = second; on_three = third; on_pend = last;
    SHPR3 = 0xF0u << 16;
    REG(0xE000E100) = 7u << 1;
    priority(1, 0x80); priority(2, 0x40); priority(3, 0x80); raise(1u << 1); tell("preemption");
    priority(2, 0x80); raise(1u << 1); tell("equal priorities");
    on_one = second;
    ASM("cpsid i"); raise(7u << 1); note(ICSR >> 22 & 1); note(9); ASM("cpsie i"); sync(); tell("held by primask");
    uint32_t mask = 0x80;
    ASM("msr basepri, %0" : : "r"(mask)); priority(2, 0x70); raise(7u << 1); note(9);
    ASM("msr basepri, %0" : : "r"(0)); sync(); tell("held by basepri");
    ASM("cpsid f"); raise(1u << 1); note(9); ASM("cpsie f"); sync(); tell("held by faultmask");
    SHPR3 = 0;
}
static void grouping(void) {
    on_one = first; on_two = second; on_three = third; on_pend = last;
    SHPR3 = 0xF0u << 16;
    for (uint32_t group = 3; group < 8; group++) {
        AIRCR = 0x05FA0000u | group << 8; sync(); note(AIRCR);
        priority(1, 0xA0); priority(2, 0x80); priority(3, 0x90); raise(1u << 1); tell("grouped");
        uint32_t mask = 0x90;
        on_one = second;
        ASM("msr basepri, %0" : : "r"(mask)); priority(2, 0x70); raise(7u << 1); note(9);
        ASM("msr basepri, %0" : : "r"(0)); sync(); tell("grouped, held by basepri");
        on_one = first;
    }
    AIRCR = 0x05FA0000u; SHPR3 = 0;
}
static void masks_all(uint32_t *f, uint32_t link) { (void)f; (void)link; ASM("cpsid f"); uint32_t m; ASM("mrs %0, faultmask" : "=r"(m)); note(m); }
static void faultmask(void) {
    on_one = masks_all; raise(1u << 1);
    uint32_t m; ASM("mrs %0, faultmask" : "=r"(m)); note(m); tell("faultmask ends with its handler");
}

/* -- process stack, unprivileged threads --------------------------------------------------------------------------------- */
static void asked(uint32_t *frame, uint32_t link) { note(ipsr()); note(control()); note(link); note((uint32_t)(process + 128) - (uint32_t)frame); frame[0] += 100; }
static void back_to_main(uint32_t *frame, uint32_t link) { (void)frame; note(link); note(control()); uint32_t v = 0; ASM("msr control, %0\n isb" : : "r"(v)); }
static void on_process(uint32_t bits) {
    register uint32_t r0 __asm("r0") = 5;
    uint32_t during;
    ASM("msr psp, %2\n msr control, %3\n isb\n svc #0\n mrs %1, control\n" : "+r"(r0), "=r"(during) : "r"(process + 128), "r"(bits) : "memory");
    on_service = back_to_main;
    note(r0); note(during & 7);
    ASM("svc #0" ::: "memory");
    note(control());
    bits = 0;
    ASM("msr control, %0\n isb" : : "r"(bits));
    note(control());
}
static void process_stack(void) {
    on_service = asked; on_process(2); tell("process stack");
    on_service = asked; on_process(3); tell("unprivileged thread");
    on_service = asked; on_process(1); tell("unprivileged on the main stack");
}
NAKED static void to_main(void) { ASM("mvn lr, #6\n bx lr"); }                  /* EXC_RETURN 0xFFFFFFF9 */
static void return_to_main(void) {
    uint32_t msp, bits = 2, after;
    ASM("mov r4, sp\n msr psp, %2\n sub r5, r4, #32\n mov r6, #0\n str r6, [r5]\n adr r6, 1f\n str r6, [r5, #24]\n"
        "mov r6, #0x1000000\n str r6, [r5, #28]\n mov sp, r5\n msr control, %3\n isb\n"
        "mov r6, #0x80000000\n str r6, [%4]\n dsb\n isb\n b 2f\n .p2align 2\n 1: nop\n 2: mrs %1, control\n mov %0, sp\n sub %0, r4\n mov r5, #0\n msr control, r5\n isb\n mov sp, r4"
        : "=&r"(msp), "=&r"(after) : "r"(process + 128), "r"(bits), "r"(&ICSR) : "r4", "r5", "r6", "memory");
    note(msp); note(after & 7);
}

/* -- floating point -------------------------------------------------------------------------------------------------------- */
static float held;
static void plain(uint32_t *frame, uint32_t link) { note(link); note(control()); note(FPCCR & 1); note(FPCAR - (uint32_t)frame); note(frame[7] >> 9 & 1); }
static void floats(uint32_t *frame, uint32_t link) {
    plain(frame, link);
    ASM("vmov.f32 s0, #2.0\n vmov.f32 s15, #3.0\n vcmp.f32 s0, s15\n vmrs apsr_nzcv, fpscr" ::: "s0", "s15", "cc");
    note(control()); note(FPCCR & 1);
    note(frame[8]); note(frame[23]);
}
static void nests(uint32_t *frame, uint32_t link) { plain(frame, link); raise(1u << 2); note(control()); note(FPCCR & 1); }
static void nests_floating(uint32_t *frame, uint32_t link) { floats(frame, link); raise(1u << 2); uint32_t v; ASM("vmov %0, s15" : "=r"(v)); note(v); }
static void tries(act one, act two) {
    uint32_t low, high, flags, zero = 0;
    on_one = one; on_two = two;
    priority(1, 0x80); priority(2, 0x40);
    ASM("msr control, %0\n isb" : : "r"(zero));
    raise(1u << 1);
    ASM("vmov.f32 s0, #1.0\n vmov.f32 s15, #7.0\n vcmp.f32 s0, s0" ::: "s0", "s15");
    note(control()); note(FPCCR & 1);
    raise(1u << 1);
    ASM("vmov %0, s0\n vmov %1, s15\n vmrs %2, fpscr" : "=r"(low), "=r"(high), "=r"(flags));
    note(low); note(high); note(flags >> 28); note(control()); note(FPCCR & 1);
}
static void floating(void) {
    REG(0xE000ED88) |= 15u << 20; sync();
    tries(plain, plain); tell("context untouched");
    tries(floats, plain); tell("context replaced");
    tries(nests, plain); tell("nested untouched");
    tries(nests, floats); tell("nested replaced");
    tries(nests_floating, floats); tell("both replaced");
    FPCCR &= ~(1u << 30); tries(floats, plain); FPCCR |= 1u << 30; tell("context not lazy");
    (void)held;
}

/* -- faults -------------------------------------------------------------------------------------------------------------------- */
static void undefined(uint32_t *frame, uint32_t link) { note(ipsr()); note(CFSR); note(HFSR); note(link); CFSR = ~0u; HFSR = ~0u; frame[6] += 2; }
static void faults(void) {
    on_usage = on_hard = undefined;
    SHCSR |= 1u << 18; ASM("udf #0"); tell("usage fault");
    SHCSR &= ~(1u << 18); ASM("udf #0"); tell("usage fault off");
}

void reset_handler(void) {
    traced = 0;
    REG(0x4001100C) = 0x2008;
    masked_calls(); frames(); order(); grouping(); faultmask(); process_stack();
    return_to_main(); tell("return to the main stack");
    floating(); faults();
    tell("end");
    for (;;) ASM("wfi");
}
__attribute__((section(".vectors"), used)) void *const vectors[16 + 82] = {
    [0] = &__stack_top, [1] = reset_handler, [2] = to_main, [3] = hard, [4] = hard, [5] = hard, [6] = usage,
    [11] = service, [14] = pend, [17] = one, [18] = two, [19] = three,
};
