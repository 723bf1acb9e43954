/* Vector table, C start-up and the fault handlers, which leave a record and restart. */
#include "board.h"
#include "interrupts.h"

extern uint32_t __data_start, __data_end, __data_load, __bss_start, __bss_end;
int main(void);
void reset_handler(void);

_Noreturn void system_reset(void) {
    SCB_AIRCR = AIRCR_RESET;
    for (;;) wait_for_interrupt();
}

/* Survives a restart: start-up clears only .bss. */
__attribute__((section(".noinit"))) uint32_t last_fault_status;

static void fault_handler(void) {
    last_fault_status = SCB_CFSR;
    system_reset();
}

static void unexpected(void) { system_reset(); }

void reset_handler(void) {
    uint32_t *from = &__data_load;
    for (uint32_t *to = &__data_start; to < &__data_end;) *to++ = *from++;
    for (uint32_t *to = &__bss_start; to < &__bss_end;) *to++ = 0;
    SCB_SHCSR |= 7u << 16;
    main();
    system_reset();
}

typedef void (*handler)(void);

__attribute__((section(".vectors"), used)) const handler vectors[16 + 82] = {
    [0] = (handler)(uintptr_t)&__stack_top,
    [1] = reset_handler,
    [2 ... 6] = fault_handler,
    [11] = unexpected,
    [12] = unexpected,
    [14] = unexpected,
    [15] = unexpected,
    [16 ... 97] = unexpected,
    [16 + 6] = pins_interrupt,
    [16 + 7] = pins_interrupt,
    [16 + 8] = pins_interrupt,
    [16 + 9] = pins_interrupt,
    [16 + 28] = clock_interrupt,
    [16 + 14] = usart3_sent_interrupt,
    [16 + 16] = usart2_received_interrupt,
    [16 + 17] = usart2_sent_interrupt,
    [16 + 37] = usart1_interrupt,
    [16 + 38] = usart2_interrupt,
    [16 + 39] = usart3_interrupt,
    [16 + 58] = usart1_received_interrupt,
    [16 + 70] = usart1_sent_interrupt,
};
