/* Start-up and the main loop: whatever waits is served, then the core sleeps until the next interrupt. */
#include "acl.h"
#include "att.h"
#include "board.h"
#include "clock.h"
#include "console.h"
#include "glucose.h"
#include "h4.h"
#include "hci.h"
#include "identity.h"
#include "interrupts.h"
#include "patient.h"
#include "profile.h"
#include "random.h"
#include "uart.h"

#define WATCHDOG_RELOAD 200u /* of 32 kHz / 64: 0.4 s */

volatile unsigned char interrupted;
static uint64_t next_control;

/* No keys. */
void pins_interrupt(void) {}

static void watchdog_start(void) {
    IWDG_KR = 0x5555;
    IWDG_PR = 4;
    IWDG_RLR = WATCHDOG_RELOAD;
    IWDG_KR = 0xCCCC;
}

/* After an outage the schedule goes on from here instead of catching up. */
static void control_poll(void) {
    uint64_t now = clock_us();
    if (now < next_control) return;
    next_control = now + CONTROL_PERIOD_US;
    if (att_alive()) IWDG_KR = 0xAAAA;
}

static uint64_t sooner(uint64_t one, uint64_t other) { return one < other ? one : other; }

/* A deadline that has passed meanwhile gives no interrupt. */
static void wake_for_next(void) {
    uint64_t due = sooner(next_control, sooner(hci_due(), glucose_due()));
    clock_wake_at(due);
    clock_update();
    if (clock_us() >= due) interrupted = 1;
}

static void start(void) {
    uint32_t cause = RCC_CSR;
    RCC_CSR |= RCC_CSR_RMVF;
    clock_init();
    uart_init();
    random_init();
    identity_load();
    glucose_provision();
    console_print("%s %s ready for %c., cause %x", MODEL, SERIAL, patient_record()->name[0], cause >> 24);
    hci_restart();
    next_control = clock_us() + CONTROL_PERIOD_US;
    watchdog_start();
    interrupted = 1;
}

int main(void) {
    start();
    for (;;) {
        irq_mask();
        if (!interrupted) wait_for_interrupt();
        irq_unmask();
        interrupted = 0;
        clock_update();
        h4_poll();
        glucose_task();
        hci_task();
        acl_task();
        uart_poll();
        control_poll();
        wake_for_next();
    }
}
