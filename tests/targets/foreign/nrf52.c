/* nRF52832 behind a bootloader: UARTE with EasyDMA, one byte a transfer, end interrupt; sends by EasyDMA, too
   (nRF52832 PS 1.4, ch. 35). Waits on a flag in memory, without sleep. */
#include "app.h"

#define CLOCK 0x40000000u
#define UARTE 0x40002000u
#define RING 64
static volatile uint8_t ring[RING], received[1], given[1];
static volatile uint32_t head, tail;

void uarte_interrupt(void) {
    if (REG(UARTE + 0x110)) {
        REG(UARTE + 0x110) = 0;
        if (REG(UARTE + 0x53C)) {
            ring[head] = received[0];
            head = (head + 1) % RING;
        }
        REG(UARTE + 0x000) = 1;
    }
    if (REG(UARTE + 0x124)) REG(UARTE + 0x124) = 0;
}

#define IRQS 39
#define VECTORS [16 + 2] = uarte_interrupt,
#include "start.h"

void port_write(uint8_t byte) {
    given[0] = byte;
    REG(UARTE + 0x120) = 0;
    REG(UARTE + 0x544) = (uint32_t)(uintptr_t)given;
    REG(UARTE + 0x548) = 1;
    REG(UARTE + 0x008) = 1;
    while (!REG(UARTE + 0x120));
}

int main(void) {
    REG(CLOCK + 0x100) = 0;
    REG(CLOCK + 0x000) = 1;
    while (!REG(CLOCK + 0x100));
    REG(UARTE + 0x50C) = 6;
    REG(UARTE + 0x514) = 8;
    REG(UARTE + 0x524) = 0x01D7E000u;
    REG(UARTE + 0x500) = 8;
    REG(UARTE + 0x534) = (uint32_t)(uintptr_t)received;
    REG(UARTE + 0x538) = sizeof received;
    REG(UARTE + 0x304) = 1u << 4;
    NVIC_ENABLE(2);
    REG(UARTE + 0x000) = 1;
    app_greet();
    for (;;) {
        while (head == tail);
        uint8_t byte = ring[tail];
        tail = (tail + 1) % RING;
        app_take(byte);
    }
}
