/* Start-up and the main loop: whatever waits is served, then the core sleeps until the next interrupt. */
#include "alarms.h"
#include "board.h"
#include "clock.h"
#include "console.h"
#include "interrupts.h"
#include "keypad.h"
#include "link.h"
#include "log.h"
#include "mllp.h"
#include "notify.h"
#include "profile.h"
#include "random.h"
#include "sensors.h"
#include "session.h"
#include "settings.h"
#include "therapy.h"
#include "uart.h"

#define WATCHDOG_RELOAD 1000u /* of 32 kHz / 64: 2 s */

volatile unsigned char interrupted;
static uint64_t next_control;

static void watchdog_start(void) {
    IWDG_KR = 0x5555;
    IWDG_PR = 4;
    IWDG_RLR = WATCHDOG_RELOAD;
    IWDG_KR = 0xCCCC;
}

static void control_task(void) {
    IWDG_KR = 0xAAAA;
    therapy_task();
    session_task();
    notify_task();
    settings_task();
    log_task();
}

/* After an outage the schedule goes on from here instead of catching up. */
static void control_poll(void) {
    uint64_t now = clock_us();
    if (now < next_control) return;
    next_control += CONTROL_PERIOD_US;
    if (next_control <= now) next_control = now + CONTROL_PERIOD_US;
    clock_wake_at(next_control);
    control_task();
}

static void start(void) {
    uint32_t cause = RCC_CSR;
    RCC_CSR |= RCC_CSR_RMVF;
    clock_init();
    uart_init();
    sensors_init();
    random_init();
    keypad_init();
    RCC_AHB1ENR |= 2u;
    GPIO_MODER(GPIOB) = 0x15u;
    settings_load();
    log_load();
    log_add(LOG_BOOT, cause >> 24);
    therapy_self_test();
    console_print("%s %s ready, boot %u, cause %x", MODEL, SERIAL, (uint32_t)settings.boots, cause >> 24);
    clock_wake_at(next_control = clock_us() + CONTROL_PERIOD_US);
    watchdog_start();
}

int main(void) {
    start();
    for (;;) {
        irq_mask();
        if (!interrupted) wait_for_interrupt();
        irq_unmask();
        interrupted = 0;
        clock_update();
        keypad_task();
        link_poll();
        mllp_poll();
        uart_poll();
        control_poll();
    }
}
