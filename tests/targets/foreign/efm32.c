/* EFM32GG: USART with a receive interrupt, flags apart from data, a timer that ticks (EFM32GG RM, ch. 17, 20).
 * With OWN_SENDER it transmits by another interrupt. */
#include "app.h"

#define CMU 0x400C8000u
#define USART 0x4000C000u
#define TIMER 0x40010000u
#define RING 64
static volatile uint8_t ring[RING];
static volatile uint32_t head, tail;
volatile uint32_t ticks;

void usart_interrupt(void) {
    if (REG(USART + 0x40) & 4u) {
        ring[head] = (uint8_t)REG(USART + 0x1C);
        head = (head + 1) % RING;
    }
}

#ifdef OWN_SENDER
static volatile uint8_t out[RING];
static volatile uint32_t out_head, out_tail;

void sender_interrupt(void) {
    if (out_head == out_tail) REG(USART + 0x4C) &= ~2u;
    else {
        REG(USART + 0x34) = out[out_tail];
        out_tail = (out_tail + 1) % RING;
    }
}
#define SENDER [16 + 4] = sender_interrupt,
#else
#define SENDER
#endif

void timer_interrupt(void) {
    uint32_t flags = REG(TIMER + 0x10);
    REG(TIMER + 0x18) = flags;
    if (flags & 1u) ticks++;
}

#define IRQS 39
#define VECTORS [16 + 3] = usart_interrupt, [16 + 2] = timer_interrupt, SENDER
#include "start.h"

#ifdef OWN_SENDER
void port_write(uint8_t byte) {
    while ((out_head + 1) % RING == out_tail);
    out[out_head] = byte;
    out_head = (out_head + 1) % RING;
    REG(USART + 0x4C) |= 2u;
}
#else
void port_write(uint8_t byte) {
    while (!(REG(USART + 0x10) & 0x40u));
    REG(USART + 0x34) = byte;
}
#endif

int main(void) {
    uint32_t looked = 0;
    REG(CMU + 0x20) = 0x4;
    while (!(REG(CMU + 0x2C) & 8u));
    REG(CMU + 0x44) = 0x2000;
    REG(USART + 0x14) = 0x3800;
    REG(USART + 0x0C) = 0x5;
    REG(USART + 0x54) = 0x101;
    REG(USART + 0x48) = 0x1FF9;
    REG(USART + 0x4C) = 4;
    REG(TIMER + 0x1C) = 47999;
    REG(TIMER + 0x0C) = 1;
    REG(TIMER + 0x04) = 1;
    NVIC_ENABLE(3);
    NVIC_ENABLE(2);
#ifdef OWN_SENDER
    NVIC_ENABLE(4);
#endif
    app_greet();
    for (;;) {
        while (ticks == looked) sleep();
        looked = ticks;
        while (tail != head) {
            uint8_t byte = ring[tail];
            tail = (tail + 1) % RING;
            app_take(byte);
        }
    }
}
