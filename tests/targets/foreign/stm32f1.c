/* STM32F103: USART1 received by a circular DMA channel, whose count the main loop polls between ticks (RM0008, ch. 13, 27). */
#include "app.h"

#define RCC 0x40021000u
#define USART 0x40013800u
#define CHANNEL5 0x40020058u
#define RING 64
static volatile uint8_t ring[RING];
volatile uint32_t ticks;

void systick_handler(void) { ticks++; }

#define IRQS 60
#define VECTORS [15] = systick_handler,
#include "start.h"

void port_write(uint8_t byte) {
    while (!(REG(USART + 0x00) & 0x80u));
    REG(USART + 0x04) = byte;
}

int main(void) {
    uint32_t tail = 0;
    REG(0x40022000u) = 0x12;
    REG(RCC) |= 1u << 16;
    while (!(REG(RCC) & 1u << 17));
    REG(RCC + 4) = 0x001D0400u;
    REG(RCC) |= 1u << 24;
    while (!(REG(RCC) & 1u << 25));
    REG(RCC + 4) |= 2;
    while ((REG(RCC + 4) & 0xCu) != 8u);
    REG(RCC + 0x18) |= 0x4005u;
    REG(RCC + 0x14) |= 1u;
    REG(0x40010804u) = 0x444444B4u;
    REG(USART + 0x08) = 625;
    REG(USART + 0x14) = 1u << 6;
    REG(CHANNEL5 + 8) = USART + 4;
    REG(CHANNEL5 + 12) = (uint32_t)(uintptr_t)ring;
    REG(CHANNEL5 + 4) = RING;
    REG(CHANNEL5) = 0x00A1u;
    REG(USART + 0x0C) = 0x200Cu;
    REG(0xE000E014u) = 71999;
    REG(0xE000E010u) = 7;
    app_greet();
    for (;;) {
        while (tail != (RING - REG(CHANNEL5 + 4)) % RING) {
            app_take(ring[tail]);
            tail = (tail + 1) % RING;
        }
        sleep();
    }
}
