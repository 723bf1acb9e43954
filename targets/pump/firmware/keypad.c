/* The keys: an interrupt on each press, handled in the main loop. */
#include "keypad.h"
#include "alarms.h"
#include "board.h"
#include "bolus.h"
#include "interrupts.h"
#include "log.h"
#include "profile.h"
#include "therapy.h"

#define KEYS 0xFu
#define KEY_CONFIRM 1u
#define KEY_SILENCE 2u
#define KEY_BOLUS 4u
#define KEY_STOP 8u

uint32_t keypad_confirm_count;
static volatile uint32_t pressed;

void keypad_init(void) {
    RCC_AHB1ENR |= 6u;
    RCC_APB2ENR |= 1u << 14;
    GPIO_PUPDR(GPIOC) = 0xAAu;
    SYSCFG_EXTICR1 = 0x2222u;
    EXTI_RTSR = KEYS;
    EXTI_IMR = KEYS;
    for (uint32_t line = 0; line < 4; line++) irq_enable(6 + line);
}

void pins_interrupt(void) {
    uint32_t lines = EXTI_PR & KEYS;
    EXTI_PR = lines;
    pressed |= lines;
    interrupted = 1;
}

static void confirm(void) {
    keypad_confirm_count++;
    log_add(LOG_KEY, KEY_CONFIRM);
    if (alarms_acknowledge()) therapy_confirm();
}

void keypad_task(void) {
    if (!pressed) return;
    irq_mask();
    uint32_t keys = pressed;
    pressed = 0;
    irq_unmask();
    if (keys & KEY_STOP) therapy_stop();
    if (keys & KEY_CONFIRM) confirm();
    if (keys & KEY_SILENCE) alarms_silence(SILENCE_MAX_S);
    if (keys & KEY_BOLUS) bolus_patient();
}
