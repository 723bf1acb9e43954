/* RP2350: UART0 polled as long as it is not empty, which is a flag that is set while nothing came; never sleeps
   (RP2350 datasheet, 7.5, 8.2, 8.6, 12.1, 12.8). Comes up in vendors' ways: one function waits for other bits at each
   call, a loop looks at one register at two places, what was waited for is looked at once more, elsewhere. */
#include "app.h"

#define RESETS 0x40020000u
#define XOSC 0x40048000u
#define PLL 0x40050000u
#define UART 0x40070000u
#define TIMER 0x400B0028u

#define IRQS 52
#define VECTORS
#include "start.h"

uint32_t beats;

__attribute__((noinline)) static void unreset(uint32_t blocks) {
    REG(RESETS + 0x3000) = blocks;
    while (~REG(RESETS + 0x08) & blocks);
}

__attribute__((noinline)) static int readable(void) { return !(REG(UART + 0x18) & 0x10u); }

__attribute__((noinline)) static uint8_t taken(void) {
    while (!readable());
    return (uint8_t)REG(UART + 0x00);
}

void port_write(uint8_t byte) {
    while (REG(UART + 0x18) & 0x20u);
    REG(UART + 0x00) = byte;
}

static void clocks(void) {
    REG(XOSC + 0x0C) = 47;
    REG(XOSC + 0x00) = 0x00FABAA0u;
    while (!(REG(XOSC + 0x04) & 1u << 31) || !(REG(XOSC + 0x04) & 1u << 12));
    if (!(REG(XOSC + 0x04) & 1u << 31))
        for (;;);
    REG(PLL + 0x00) = 1;
    while (!(REG(PLL + 0x00) & 1u << 31));
}

int main(void) {
    unreset(1u << 14);
    unreset(1u << 6 | 1u << 9);
    unreset(1u << 15);
    clocks();
    unreset(1u << 26);
    REG(UART + 0x24) = 6;
    REG(UART + 0x28) = 33;
    REG(UART + 0x2C) = 0x70;
    REG(UART + 0x30) = 0x301;
    app_greet();
    for (uint32_t last = REG(TIMER);;) {
        for (int n = 0; n < 32 && readable(); n++) app_take(taken());
        if (REG(TIMER) - last > 100000u) beats++, last = REG(TIMER);
    }
}
