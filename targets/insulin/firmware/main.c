/* Start-up and the main loop: whatever waits is served, then the core sleeps until the next interrupt. */
#include "board.h"
#include "cgm.h"
#include "cgm_alerts.h"
#include "clock.h"
#include "connection.h"
#include "console.h"
#include "history.h"
#include "identity.h"
#include "idd_status.h"
#include "indications.h"
#include "interrupts.h"
#include "keypad.h"
#include "log.h"
#include "login.h"
#include "mailbox.h"
#include "profile.h"
#include "racp.h"
#include "random.h"
#include "sensors.h"
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
    cgm_task();
    login_task();
    idd_status_task();
    battery_task();
    settings_task();
    log_task();
}

/* After an outage the schedule goes on from here instead of catching up. */
static void control_poll(void) {
    uint64_t now = clock_us();
    if (now < next_control) return;
    next_control += CONTROL_PERIOD_US;
    if (next_control <= now) next_control = now + CONTROL_PERIOD_US;
    control_task();
}

/* A deadline that has passed meanwhile gives no interrupt. */
static void wake_for_next(void) {
    uint64_t due = racp_due() < next_control ? racp_due() : next_control;
    clock_wake_at(due);
    clock_update();
    if (clock_us() >= due) interrupted = 1;
}

static void start(void) {
    uint32_t cause = RCC_CSR;
    RCC_CSR |= RCC_CSR_RMVF;
    clock_init();
    uart_init();
    sensors_init();
    random_init();
    keypad_init();
    GPIO_MODER(GPIOB) = 0x5u;
    settings_load();
    cgm_alerts_load();
    log_load();
    history_provision();
    log_add(LOG_BOOT, cause >> 24);
    therapy_self_test();
    console_print("%s %s ready, boot %u, cause %x", MODEL, SERIAL, (uint32_t)settings.boots, cause >> 24);
    connection_start();
    next_control = clock_us() + CONTROL_PERIOD_US;
    clock_wake_at(next_control);
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
        mailbox_poll();
        indications_task();
        racp_task();
        uart_poll();
        control_poll();
        wake_for_next();
    }
}
