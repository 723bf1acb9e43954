/* Vector table and C start-up; a chip names its interrupts in VECTORS and how many there are in IRQS. */
extern uint32_t __data_start, __data_end, __data_load, __bss_start, __bss_end, __stack_top;
int main(void);

__attribute__((weak)) void default_handler(void) {
    for (;;);
}
void hard_fault(void) {
    REG(0xE000ED0Cu) = 0x05FA0004u;
    for (;;);
}
void reset_handler(void) {
    uint32_t *from = &__data_load;
    for (uint32_t *to = &__data_start; to < &__data_end;) *to++ = *from++;
    for (uint32_t *to = &__bss_start; to < &__bss_end;) *to++ = 0;
    main();
    for (;;);
}
typedef void (*handler)(void);
__attribute__((section(".vectors"), used)) const handler vectors[16 + IRQS] = {
    [0] = (handler)(uintptr_t)&__stack_top,
    [1] = reset_handler,
    [2] = default_handler,
    [3 ... 6] = hard_fault,
    [11 ... 15] = default_handler,
    [16 ... 15 + IRQS] = default_handler,
    VECTORS
};
