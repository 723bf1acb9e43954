/* MK64FN1M0: UART0 polled by a loop that counts and never sleeps (K64P144M120SF5RM, ch. 25, 52). */
#include "app.h"

#define UART 0x4006A000u
#define MCG 0x40064000u
volatile uint32_t rounds;

#define IRQS 86
#define VECTORS
#include "start.h"

void port_write(uint8_t byte) {
    while (!(REG8(UART + 4) & 0x80));
    REG8(UART + 7) = byte;
}

int main(void) {
    *(volatile uint16_t *)0x4005200Eu = 0xC520;
    *(volatile uint16_t *)0x4005200Eu = 0xD928;
    *(volatile uint16_t *)0x40052000u = 0x01D2;
    REG8(MCG + 1) = 0x24;
    REG8(MCG + 0) = 0x9A;
    while (REG8(MCG + 6) & 0x10);
    while ((REG8(MCG + 6) & 0x0C) != 0x08);
    REG8(MCG + 5) = 0x43;
    while (!(REG8(MCG + 6) & 0x40));
    REG(0x40048034u) |= 1u << 10;
    REG8(UART + 3) = 0;
    REG8(UART + 0) = 0;
    REG8(UART + 1) = 26;
    REG8(UART + 4 + 6) = 12;
    REG8(UART + 3) = 0x0C;
    app_greet();
    for (;;) {
        rounds++;
        if (REG8(UART + 4) & 0x20) app_take(REG8(UART + 7));
    }
}
