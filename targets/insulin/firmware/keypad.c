/* Two keys: confirm acknowledges alarms, stop suspends delivery. */
#include "keypad.h"
#include "alarms.h"
#include "board.h"
#include "interrupts.h"
#include "log.h"
#include "therapy.h"

#define KEYS 3u
#define KEY_CONFIRM 1u
#define KEY_STOP 2u

static volatile uint32_t pressed;

void keypad_init(void) {
    RCC_AHB1ENR |= 6u;
    RCC_APB2ENR |= 1u << 14;
    GPIO_PUPDR(GPIOC) = 0xAu;
    SYSCFG_EXTICR1 = 0x22u;
    EXTI_RTSR = KEYS;
    EXTI_IMR = KEYS;
    for (uint32_t line = 0; line < 2; line++) irq_enable(6 + line);
}

void pins_interrupt(void) {
    uint32_t lines = EXTI_PR & KEYS;
    EXTI_PR = lines;
    pressed |= lines;
    interrupted = 1;
}

void keypad_task(void) {
    if (!pressed) return;
    irq_mask();
    uint32_t keys = pressed;
    pressed = 0;
    irq_unmask();
    log_add(LOG_KEY, keys);
    if (keys & KEY_STOP) therapy_suspend();
    if (keys & KEY_CONFIRM) alarms_confirm();
}
