/* Tickless time base: TIM2 counts microseconds and interrupts at the next deadline only. */
#include "clock.h"
#include "board.h"
#include "interrupts.h"
#include "profile.h"

#define TIM2_IRQ 28u

static uint64_t now_us;
static uint32_t last_count, now_ms, below_ms_us;
static uint64_t calendar_offset_ms;

void clock_init(void) {
    RCC_APB1ENR |= 1u << 0;
    TIM_PSC(TIM2) = 15;
    TIM_ARR(TIM2) = 0xFFFFFFFFu;
    TIM_EGR(TIM2) = 1;
    TIM_SR(TIM2) = 0;
    TIM_DIER(TIM2) = TIM_CC1;
    TIM_CR1(TIM2) = 1;
    irq_enable(TIM2_IRQ);
    calendar_set(CLOCK_AT_BOOT);
}

void clock_interrupt(void) {
    TIM_SR(TIM2) = ~TIM_CC1;
    interrupted = 1;
}

void clock_update(void) {
    uint32_t count = TIM_CNT(TIM2), passed = count - last_count;
    last_count = count;
    now_us += passed;
    while (passed >= 1000000u) {
        passed -= 1000000u;
        now_ms += 1000;
    }
    below_ms_us += passed;
    now_ms += below_ms_us / 1000;
    below_ms_us %= 1000;
}

uint64_t clock_us(void) { return now_us; }

uint32_t clock_ms(void) { return now_ms; }

void clock_wake_at(uint64_t deadline) {
    TIM_CCR1(TIM2) = (uint32_t)deadline;
}

void calendar_set(uint32_t seconds) { calendar_offset_ms = (uint64_t)seconds * 1000u - clock_ms(); }

uint64_t calendar_ms(void) { return calendar_offset_ms + clock_ms(); }

uint32_t calendar_seconds(void) {
    uint64_t rest = calendar_ms();
    uint32_t seconds = 0;
    for (uint64_t unit = 1000ull << 31, step = 1ull << 31; step; unit >>= 1, step >>= 1) {
        if (rest >= unit) {
            rest -= unit;
            seconds += (uint32_t)step;
        }
    }
    return seconds;
}
