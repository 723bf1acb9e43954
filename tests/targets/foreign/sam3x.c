/* SAM3X8E: UART with receive interrupt, polled transmitter, sleeps (Atmel-11057, ch. 28, 33). */
#include "app.h"

#define PMC 0x400E0600u
#define UART 0x400E0800u
#define RING 64
static volatile uint8_t ring[RING];
static volatile uint32_t head, tail;

void uart_interrupt(void) {
    uint32_t status = REG(UART + 0x14);
    if (status & 1u) {
        uint8_t byte = (uint8_t)REG(UART + 0x18);
        if ((head + 1) % RING != tail) ring[head] = byte, head = (head + 1) % RING;
    }
    if (status & 0xE0u) REG(UART + 0x00) = 1u << 8;
}

#define IRQS 45
#define VECTORS [16 + 8] = uart_interrupt,
#include "start.h"

void port_write(uint8_t byte) {
    while (!(REG(UART + 0x14) & 2u));
    REG(UART + 0x1C) = byte;
}

int main(void) {
    REG(0x400E0A00u) = 4u << 8;
    REG(PMC + 0x20) = 0x00370809u;
    while (!(REG(PMC + 0x68) & 1u));
    REG(PMC + 0x28) = 0x200D3F01u;
    while (!(REG(PMC + 0x68) & 2u));
    REG(PMC + 0x30) = 0x12;
    while (!(REG(PMC + 0x68) & 8u));
    REG(PMC + 0x10) = 1u << 8;
    REG(UART + 0x00) = 0xAC;
    REG(UART + 0x20) = 45;
    REG(UART + 0x04) = 0x800;
    REG(UART + 0x08) = 1;
    REG(UART + 0x00) = 0x50;
    NVIC_ENABLE(8);
    app_greet();
    for (;;) {
        while (tail != head) {
            uint8_t byte = ring[tail];
            tail = (tail + 1) % RING;
            app_take(byte);
        }
        interrupts_off();
        if (tail == head) sleep();
        interrupts_on();
    }
}
