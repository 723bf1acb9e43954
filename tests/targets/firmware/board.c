/* Small programs that put one feature of the machine to the test each; -DPROGRAM=name selects the one that runs. */
#include <stdint.h>
#define REG(a) (*(volatile uint32_t *)(a))
#define BYTE(a) (*(volatile uint8_t *)(a))
#define ISER(n) REG(0xE000E100u + 4 * ((n) / 32)) = 1u << ((n) % 32)
#define TIM2 0x40000000u
#define USART1 0x40011000u
#define DMA2 0x40026400u
#define FLASHC 0x40023C00u
enum { TIM2_IRQ = 28, TIM3_IRQ = 29, USART1_IRQ = 37, EXTI0_IRQ = 6 };

volatile uint32_t trace[64], traced, result, ready, resets;
static void note(uint32_t what) { if (traced < 64) trace[traced++] = what; }
static void idle(void) { for (;;) __asm volatile("wfi"); }
__attribute__((noinline)) void PROGRAM(void);
void reset_handler(void);
extern uint32_t __stack_top;

static void fault(void) { note(0xDEAD); for (;;) {} }
static void timer_start(uint32_t base, uint32_t microseconds) {
    REG(base + 0x28) = 15; REG(base + 0x14) = 1; REG(base + 0x10) = 0;
    REG(base + 0x34) = microseconds; REG(base + 0x0C) = 2; REG(base) = 1;
}

/* nesting: the urgent timer interrupts the lazy one; both note their begin and end */
static void lazy(void) { REG(TIM2 + 0x410) = 0; note(1); for (volatile int i = 0; i < 400; i++) {} note(2); }
static void urgent(void) { REG(TIM2 + 0x10) = 0; note(3); note(4); }
void nesting(void) {
    BYTE(0xE000E400u + TIM2_IRQ) = 0x10; BYTE(0xE000E400u + TIM3_IRQ) = 0x80;
    ISER(TIM2_IRQ); ISER(TIM3_IRQ);
    timer_start(TIM2 + 0x400, 20); timer_start(TIM2, 30);
    idle();
}

/* it_block: an interrupt every few instructions must not disturb conditional execution or flags */
static void often(void) { REG(TIM2 + 0x10) = 0; REG(TIM2 + 0x34) = REG(TIM2 + 0x24) + 2; resets++; }
void it_block(void) {
    ISER(TIM2_IRQ); timer_start(TIM2, 5);
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 2000; i++) {
        uint32_t a = i & 3;
        __asm volatile("cmp %1, #2\n itete lt\n addlt %0, #1\n addge %0, #3\n addlt %0, #5\n addge %0, #7\n" : "+r"(sum) : "r"(a) : "cc");
    }
    result = sum; REG(TIM2) = 0; ready = 1;
    idle();
}

/* process_stack: a thread on PSP asks for a service; the handler runs on MSP and answers through the stacked R0 */
static uint64_t thread_stack[64];
__attribute__((naked)) static void service(void) {
    __asm volatile("mrs r0, psp\n ldr r1, [r0]\n adds r1, #100\n str r1, [r0]\n bx lr");
}
static void thread(void) {
    register uint32_t value __asm("r0") = 5;
    __asm volatile("svc #0" : "+r"(value));
    result = value; uint32_t control; __asm volatile("mrs %0, control" : "=r"(control)); note(control); ready = 1;
    idle();
}
void process_stack(void) {
    __asm volatile("msr psp, %0\n movs r1, #2\n msr control, r1\n isb" : : "r"(thread_stack + 64) : "r1");
    thread();
}

/* echo: bytes come by DMA into a ring with an idle-line interrupt and go out again by DMA */
static uint8_t ring[64], out[64];
static uint32_t tail;
static void dma_idle(void) { (void)REG(USART1); (void)REG(USART1 + 4); ready = 1; }
void echo(void) {
    REG(DMA2 + 0x10 + 0x18 * 2 + 8) = USART1 + 4; REG(DMA2 + 0x10 + 0x18 * 2 + 12) = (uint32_t)ring;
    REG(DMA2 + 0x10 + 0x18 * 2 + 4) = 64; REG(DMA2 + 0x10 + 0x18 * 2) = 4u << 25 | 1 << 10 | 1 << 8 | 1;
    REG(USART1 + 8) = 139; REG(USART1 + 0x14) = 0xC0; REG(USART1 + 0x0C) = 0x201C; ISER(USART1_IRQ);
    for (;;) {
        __asm volatile("wfi");
        uint32_t head = 64 - REG(DMA2 + 0x10 + 0x18 * 2 + 4), n = 0;
        while (tail != head) { out[n++] = ring[tail]; tail = (tail + 1) & 63; }
        if (!n) continue;
        REG(DMA2 + 0x0C) = 0x0F400000;
        REG(DMA2 + 0x10 + 0x18 * 7 + 8) = USART1 + 4; REG(DMA2 + 0x10 + 0x18 * 7 + 12) = (uint32_t)out;
        REG(DMA2 + 0x10 + 0x18 * 7 + 4) = n; REG(DMA2 + 0x10 + 0x18 * 7) = 4u << 25 | 1 << 10 | 1 << 6 | 1;
    }
}

/* flash: unlock, erase, program twice (bits only clear), count starts in flash */
void flash(void) {
    volatile uint32_t *cell = (volatile uint32_t *)0x080E0000;
    *cell = 0; note(*cell);
    REG(FLASHC + 4) = 0x45670123; REG(FLASHC + 4) = 0xCDEF89AB;
    if (*cell == 0xFFFFFFFF) { REG(FLASHC + 0x10) = 1 | 2 << 8; *cell = 0xFFFF00FF; }
    note(*cell);
    REG(FLASHC + 0x10) = 1 | 2 << 8; *cell = 0x0000FFFF; note(*cell);
    REG(FLASHC + 0x10) = 2 | 10 << 3 | 1 << 16; note(*cell);
    REG(FLASHC + 0x10) = 2 | 11 << 3 | 1 << 16; note(*cell);
    idle();
}

/* flash_code: a function is programmed and called; its sector is erased and gets another one */
static void program(uint32_t returned) {
    REG(FLASHC + 0x10) = 2 | 11 << 3 | 1 << 16; REG(FLASHC + 0x10) = 1 | 2 << 8;
    REG(0x080E0000) = 0x47702000 | returned;                     /* movs r0, #returned; bx lr */
    note(((uint32_t (*)(void))0x080E0001)());
}
void flash_code(void) {
    REG(FLASHC + 4) = 0x45670123; REG(FLASHC + 4) = 0xCDEF89AB;
    program(7); program(9); ready = 1;
    for (;;) { __asm volatile("wfi"); note(((uint32_t (*)(void))0x080E0001)()); }
}

/* masked_call: a service call that cannot be taken, first in a thread, then in the fault handler */
void masked_call(void) { __asm volatile("cpsid i\n svc #0"); idle(); }

/* watchdog: started and forgotten; the next start sees why */
void watchdog(void) {
    result = REG(0x40023874); REG(0x40023874) = 1 << 24;
    REG(0x40003000) = 0x5555; REG(0x40003004) = 2; REG(0x40003008) = 999; REG(0x40003000) = 0xCCCC;
    idle();
}
void spin(void) { REG(0x40003000) = 0xCCCC; for (;;) {} }
void null_write(void) { *(volatile uint32_t *)4 = 1; idle(); }
void code_write(void) { *(volatile uint32_t *)0x08000100 = 1; idle(); }
void ram_jump(void) { ((void (*)(void))((uint32_t)ring | 1))(); idle(); }
void recursion(void) { volatile uint8_t pad[3820]; for (uint32_t i = 0; i < sizeof pad; i++) pad[i] = 1; idle(); }
/* overflow: a copy runs over the object behind, then the smashed return address is used */
static uint8_t label[8];
void overflow(void) { for (volatile uint32_t i = 0; i < 12; i++) ((volatile uint8_t *)label)[i] = 0x41; *(volatile uint32_t *)4 = label[1]; idle(); }
__attribute__((noinline)) static void smash(void) { volatile uint32_t local[4]; __asm volatile("" ::: "lr"); for (uint32_t i = 0; i < 8; i++) local[i] = 0x41414141; }
void stack_smash(void) { smash(); idle(); }
void bit_band(void) { REG(0x22000000u + ((uint32_t)&result - 0x20000000u) * 32 + 3 * 4) = 1; note(REG(0x42000000u + 0x20414u * 32 + 4 * 5));
    REG(0x42000000u + 0x20414u * 32 + 4 * 5) = 1; note(REG(0x40020414)); idle(); }
static void key(void) { REG(0x40013C14) = 1; if (!ready) note(7); }
void external(void) { REG(0x40013808) = 2; REG(0x40013C00) = 1; REG(0x40013C08) = 1; ISER(EXTI0_IRQ); idle(); }
static void tick(void) { note(REG(0xE000E018)); if (++resets == 5) REG(0xE000E010) = 0; }
void systick(void) { REG(0xE000E014) = 15999; REG(0xE000E018) = 0; REG(0xE000E010) = 7; idle(); }

static void timer2(void) { if (resets || REG(TIM2 + 0x400) == 0) often(); else urgent(); }
void reset_handler(void) { traced = result = ready = resets = tail = 0; PROGRAM(); }
__attribute__((section(".vectors"), used)) void *const vectors[16 + 82] = {
    [0] = &__stack_top, [1] = reset_handler, [2] = fault, [3] = fault, [4] = fault, [5] = fault, [6] = fault, [11] = service,
    [15] = tick, [16 + EXTI0_IRQ + 1] = key, [16 + EXTI0_IRQ] = key, [16 + TIM2_IRQ] = timer2, [16 + TIM3_IRQ] = lazy, [16 + USART1_IRQ] = dma_idle,
};
