/* UART driver with DMA both ways: circular reception with idle-line interrupt, transmission block by block. */
#include "board.h"
#include "interrupts.h"
#include "uart.h"

#define RING_SIZE 2048u
#define DMA1 0x40026000u
#define DMA2 0x40026400u
#define STREAM_CR(s) REG((s) + 0x00)
#define STREAM_NDTR(s) REG((s) + 0x04)
#define STREAM_PAR(s) REG((s) + 0x08)
#define STREAM_M0AR(s) REG((s) + 0x0C)
#define STREAM(dma, n) ((dma) + 0x10u + 0x18u * (n))
#define CHANNEL4 (4u << 25)
#define MINC (1u << 10)
#define CIRC (1u << 8)
#define TO_PERIPHERAL (1u << 6)
#define TCIE (1u << 4)
#define HTIE (1u << 3)
#define EN (1u << 0)
#define STREAM_FLAGS 0x3Du

struct port {
    uint32_t usart, usart_irq, transmit, transmit_irq, transmit_clear, transmit_shift;
    uint32_t receive, receive_irq, receive_clear, receive_shift;
};

static const struct port ports[UART_COUNT] = {
    {0x40011000u, 37, STREAM(DMA2, 7), 70, DMA2 + 0x0C, 22, STREAM(DMA2, 2), 58, DMA2 + 0x08, 16},
    {0x40004400u, 38, STREAM(DMA1, 6), 17, DMA1 + 0x0C, 16, STREAM(DMA1, 5), 16, DMA1 + 0x0C, 6},
    {0x40004800u, 39, STREAM(DMA1, 3), 14, DMA1 + 0x08, 22, 0, 0, 0, 0},
};

static uint8_t rings[UART_COUNT - 1][RING_SIZE];
static volatile uint32_t heads[UART_COUNT - 1];
static uint32_t tails[UART_COUNT - 1];
static uint8_t slots[UART_COUNT][UART_SLOTS][UART_SLOT_SIZE] __attribute__((aligned(4)));
static uint16_t lengths[UART_COUNT][UART_SLOTS];
static uint8_t oldest[UART_COUNT], waiting[UART_COUNT];

static void receive_init(const struct port *port, uint8_t *ring) {
    STREAM_PAR(port->receive) = port->usart + 4;
    STREAM_M0AR(port->receive) = (uint32_t)(uintptr_t)ring;
    STREAM_NDTR(port->receive) = RING_SIZE;
    STREAM_CR(port->receive) = CHANNEL4 | MINC | CIRC | TCIE | HTIE | EN;
    irq_enable(port->receive_irq);
}

void uart_init(void) {
    RCC_AHB1ENR |= 3u << 21;
    RCC_APB1ENR |= 3u << 17;
    RCC_APB2ENR |= 1u << 4;
    for (uint32_t i = 0; i < UART_COUNT; i++) {
        const struct port *port = &ports[i];
        STREAM_PAR(port->transmit) = port->usart + 4;
        USART_BRR(port->usart) = 139;
        USART_CR3(port->usart) = USART_DMAT | (port->receive ? USART_DMAR : 0);
        if (port->receive) receive_init(port, rings[i]);
        USART_CR1(port->usart) = USART_UE_TE_RE | (port->receive ? USART_IDLEIE : USART_RXNEIE);
        irq_enable(port->usart_irq);
        irq_enable(port->transmit_irq);
    }
}

static void received(enum uart index) {
    heads[index] = (RING_SIZE - STREAM_NDTR(ports[index].receive)) % RING_SIZE;
    interrupted = 1;
}

static void idle_line(enum uart index) {
    (void)USART_SR(ports[index].usart);
    (void)USART_DR(ports[index].usart);
    received(index);
}

static void block_received(enum uart index) {
    REG(ports[index].receive_clear) = STREAM_FLAGS << ports[index].receive_shift;
    received(index);
}

static void block_sent(enum uart index) {
    REG(ports[index].transmit_clear) = STREAM_FLAGS << ports[index].transmit_shift;
    interrupted = 1;
}

void usart1_interrupt(void) { idle_line(UART_1); }
void usart2_interrupt(void) { idle_line(UART_2); }
void usart3_interrupt(void) {
    (void)USART_SR(ports[UART_3].usart);
    (void)USART_DR(ports[UART_3].usart);
}
void usart1_received_interrupt(void) { block_received(UART_1); }
void usart2_received_interrupt(void) { block_received(UART_2); }
void usart1_sent_interrupt(void) { block_sent(UART_1); }
void usart2_sent_interrupt(void) { block_sent(UART_2); }
void usart3_sent_interrupt(void) { block_sent(UART_3); }

uint32_t uart_peek(enum uart port, const uint8_t **data) {
    uint32_t head = heads[port], tail = tails[port];
    *data = &rings[port][tail];
    return head >= tail ? head - tail : RING_SIZE - tail;
}

void uart_consume(enum uart port, uint32_t count) { tails[port] = (tails[port] + count) % RING_SIZE; }

uint8_t *uart_reserve(enum uart port) {
    if (waiting[port] == UART_SLOTS) uart_poll();
    if (waiting[port] == UART_SLOTS) return 0;
    return slots[port][(oldest[port] + waiting[port]) % UART_SLOTS];
}

/* An interrupt at the end is wanted only if something stands behind the block. */
static void transmit(const struct port *port, const uint8_t *data, uint32_t length, uint32_t more) {
    REG(port->transmit_clear) = STREAM_FLAGS << port->transmit_shift;
    STREAM_M0AR(port->transmit) = (uint32_t)(uintptr_t)data;
    STREAM_NDTR(port->transmit) = length;
    STREAM_CR(port->transmit) = CHANNEL4 | MINC | TO_PERIPHERAL | (more ? TCIE : 0) | EN;
}

/* A stream that ends between the reading and the writing of its register is switched on again, and ends no more. */
static int is_sending(const struct port *port, uint32_t more) {
    if (!(STREAM_CR(port->transmit) & EN)) return 0;
    if (!more) return 1;
    STREAM_CR(port->transmit) |= TCIE;
    if (STREAM_NDTR(port->transmit) != 0) return 1;
    STREAM_CR(port->transmit) = 0;
    return 0;
}

static void advance(uint32_t index) {
    const struct port *port = &ports[index];
    if (is_sending(port, waiting[index] > 1)) return;
    if (lengths[index][oldest[index]] == 0) {
        oldest[index] = (oldest[index] + 1) % UART_SLOTS;
        waiting[index]--;
        if (waiting[index] == 0) return;
    }
    uint32_t length = lengths[index][oldest[index]];
    lengths[index][oldest[index]] = 0;
    transmit(port, slots[index][oldest[index]], length, waiting[index] > 1);
}

/* The oldest slot is the one in flight (length 0) until its stream has stopped. */
void uart_poll(void) {
    for (uint32_t index = 0; index < UART_COUNT; index++) {
        if (waiting[index] > 1) advance(index);
    }
}

void uart_commit(enum uart port, uint32_t length) {
    uint32_t slot = (oldest[port] + waiting[port]) % UART_SLOTS;
    lengths[port][slot] = (uint16_t)length;
    waiting[port]++;
    advance(port);
}
