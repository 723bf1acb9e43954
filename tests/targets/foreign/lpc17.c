/* LPC1768: a 16550 with receive and transmit interrupts (UM10360, ch. 4, 14); given as a raw binary. */
#include "app.h"

#define SC 0x400FC000u
#define UART 0x4000C000u
#define RING 128
static volatile uint8_t in[RING], out[RING];
static volatile uint32_t in_head, in_tail, out_head, out_tail, sending;

void uart_interrupt(void) {
    uint32_t why = REG(UART + 0x08) & 0xFu;
    if (why == 4 || why == 0xC)
        while (REG(UART + 0x14) & 1u) {
            in[in_head] = (uint8_t)REG(UART + 0x00);
            in_head = (in_head + 1) % RING;
        }
    else if (why == 2) {
        if (out_head == out_tail) sending = 0, REG(UART + 0x04) = 1;
        else {
            REG(UART + 0x00) = out[out_tail];
            out_tail = (out_tail + 1) % RING;
        }
    } else if (why == 6) (void)REG(UART + 0x14);
}

#define IRQS 35
#define VECTORS [16 + 5] = uart_interrupt,
#include "start.h"

void port_write(uint8_t byte) {
    while ((out_head + 1) % RING == out_tail);
    out[out_head] = byte;
    interrupts_off();
    out_head = (out_head + 1) % RING;
    if (!sending) {
        sending = 1;
        REG(UART + 0x00) = out[out_tail];
        out_tail = (out_tail + 1) % RING;
        REG(UART + 0x04) = 3;
    }
    interrupts_on();
}

int main(void) {
    REG(SC + 0x1A0) = 0x20;
    while (!(REG(SC + 0x1A0) & 0x40u));
    REG(SC + 0x84) = 0x0005000B;
    REG(SC + 0x80) = 1, REG(SC + 0x8C) = 0xAA, REG(SC + 0x8C) = 0x55;
    while (!(REG(SC + 0x88) & 1u << 26));
    REG(SC + 0xC4) |= 1u << 3;
    REG(UART + 0x0C) = 0x83;
    REG(UART + 0x00) = 54;
    REG(UART + 0x04) = 0;
    REG(UART + 0x0C) = 0x03;
    REG(UART + 0x08) = 0x07;
    REG(UART + 0x04) = 1;
    NVIC_ENABLE(5);
    app_greet();
    for (;;) {
        while (in_tail != in_head) {
            uint8_t byte = in[in_tail];
            in_tail = (in_tail + 1) % RING;
            app_take(byte);
        }
        interrupts_off();
        if (in_tail == in_head) sleep();
        interrupts_on();
    }
}
