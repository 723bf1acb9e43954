/* A device at the other end of a bus that is no UART; BUS says which. A message is an operation and its argument, the
   answer the operation and the argument less one, or 0xE0 and what was wrong. */
#include "app.h"

static uint8_t request[16], answer[4];
static volatile uint8_t got, ready, sent;
uint32_t served;

static void serve(void) {
    uint8_t known = got == 2 && request[0] == 0x31;
    answer[0] = known ? request[0] : 0xE0;
    answer[1] = known ? request[1] - 1 : request[0];
    answer[2] = known;
    served++;
    got = sent = ready = 0;
}

#define I2C_SLAVE 1
#define SPI_SLAVE 2
#define FIFO 3
#define SPI_MASTER 4

#if BUS == I2C_SLAVE
/* STM32F4's I2C, a slave (RM0090, 27.6): ADDR is cleared by reading SR1 and SR2, STOPF by writing CR1. */
#define CR1 REG(0x40005400u)
#define SR1 REG(0x40005414u)
#define SR2 REG(0x40005418u)
#define DR REG(0x40005410u)
static uint8_t addressed;
void bus_handler(void) {
    uint32_t status = SR1;
    if (status & 1u << 1) addressed = !(SR2 & 1u << 2), got = addressed ? 0 : got, sent = 0;
    if (status & 1u << 6) {
        uint8_t byte = (uint8_t)DR;
        if (addressed && got < sizeof request) request[got++] = byte;
    }
    if (status & 1u << 4) CR1 |= 1, ready = addressed && got, addressed = 0;
    if (status & 1u << 7) DR = sent < sizeof answer ? answer[sent++] : 0xFF;
}
static void setup(void) {
    REG(0x40005404u) = 16u | 7u << 8;
    REG(0x40005408u) = 0x42u << 1;
    CR1 = 1u | 1u << 10;
}
static void reply(void) {}
#elif BUS == SPI_SLAVE
/* STM32F4's SPI, a slave (RM0090, 28.5): what comes is thrown away up to 0x7E 0xA5, and counted behind it. */
#define SR REG(0x40013008u)
#define DR REG(0x4001300Cu)
static uint8_t stage;
void bus_handler(void) {
    if (!(SR & 1)) return;
    uint8_t byte = (uint8_t)DR;
    if (stage == 0) stage = byte == 0x7E;
    else if (stage == 1) stage = byte == 0xA5 ? 2 : 0;
    else {
        request[got++] = byte;
        if (got == 2) stage = 0, ready = 1;
    }
}
static void setup(void) { REG(0x40013004u) = 1u << 6, REG(0x40013000u) = 1u << 6; }
static void reply(void) {
    for (int n = 0; n < 3; n++) DR = answer[n];
}
#elif BUS == FIFO
/* A radio whose handler is called once a packet is there: how long it is, the packet, and whether its checksum fits. */
#define FLAGS REG(0x40088834u)
#define DATA REG(0x40088828u)
void bus_handler(void) {
    if (!(FLAGS & 4)) return;
    uint32_t size = DATA & 0x7F;
    FLAGS = 0;
    for (uint32_t n = 0; n + 1 < size; n++) {
        uint8_t byte = (uint8_t)DATA;
        if (n < sizeof request) request[n] = byte, got = (uint8_t)(n + 1);
    }
    ready = size > 1 && (DATA & 0x80);
}
static void setup(void) { FLAGS = 0, REG(0x4008888Cu) = 4; }
static void reply(void) {
    for (int n = 0; n < 3; n++) DATA = answer[n];
}
#else
/* KL25's SPI, the master of a radio (KL25 reference manual, 37.3), which calls by a pin of port A. */
#define S REG8(0x40076003u)
#define D REG8(0x40076005u)
#define PINS REG(0x400490A0u)
void bus_handler(void) { PINS = 1u << 5, ready = 1; }
static uint8_t swap(uint8_t byte) {
    while (!(S & 1u << 5));
    D = byte;
    while (!(S & 1u << 7));
    return D;
}
static void setup(void) { REG8(0x40076000u) = 0x50, REG(0x40049014u) = 0x10A00u; }
static void fetch(void) {
    swap(0x20);
    uint8_t size = swap(0xFF);
    for (got = 0; got < size && got < sizeof request; got++) request[got] = swap(0xFF);
}
static void reply(void) {
    for (int n = 0; n < 3; n++) swap(answer[n]);
}
#endif

#define IRQS 64
#define VECTORS [16 + 31] = bus_handler,
#include "start.h"

int main(void) {
    setup();
    NVIC_ENABLE(31);
    for (;;) {
        interrupts_off();
        if (!ready) sleep();
        interrupts_on();
        if (!ready) continue;
#if BUS == SPI_MASTER
        ready = 0, fetch();
#endif
        serve();
        reply();
    }
}
