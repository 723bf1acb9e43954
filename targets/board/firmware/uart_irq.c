/* UART driver without DMA: a receive interrupt that drains the data register, polled transmission with a bound. */
#include "board.h"
#include "interrupts.h"
#include "uart.h"

#define RING_SIZE 2048u

static const uint32_t usarts[UART_COUNT] = {0x40011000u, 0x40004400u, 0x40004800u};
static uint8_t rings[UART_COUNT][RING_SIZE];
static volatile uint32_t heads[UART_COUNT];
static uint32_t tails[UART_COUNT];
static uint8_t slots[UART_COUNT][UART_SLOT_SIZE];

void uart_init(void) {
    RCC_APB1ENR |= 3u << 17;
    RCC_APB2ENR |= 1u << 4;
    for (uint32_t i = 0; i < UART_COUNT; i++) {
        USART_BRR(usarts[i]) = 139;
        USART_CR1(usarts[i]) = USART_UE_TE_RE | USART_RXNEIE;
        irq_enable(37 + i);
    }
}

static void drain(enum uart port) {
    while (USART_SR(usarts[port]) & USART_RXNE) {
        rings[port][heads[port]] = (uint8_t)USART_DR(usarts[port]);
        heads[port] = (heads[port] + 1) % RING_SIZE;
    }
    interrupted = 1;
}

void usart1_interrupt(void) { drain(UART_1); }
void usart2_interrupt(void) { drain(UART_2); }
void usart3_interrupt(void) { drain(UART_3); }

/* This driver uses no DMA; its vectors have no other owner. */
void usart1_received_interrupt(void) {}
void usart2_received_interrupt(void) {}
void usart1_sent_interrupt(void) {}
void usart2_sent_interrupt(void) {}
void usart3_sent_interrupt(void) {}

void uart_poll(void) {}

uint32_t uart_peek(enum uart port, const uint8_t **data) {
    uint32_t head = heads[port], tail = tails[port];
    *data = &rings[port][tail];
    return head >= tail ? head - tail : RING_SIZE - tail;
}

void uart_consume(enum uart port, uint32_t count) { tails[port] = (tails[port] + count) % RING_SIZE; }

uint8_t *uart_reserve(enum uart port) {
    return slots[port];
}

void uart_commit(enum uart port, uint32_t length) {
    for (uint32_t i = 0; i < length; i++) {
        for (uint32_t patience = HARDWARE_PATIENCE; patience && !(USART_SR(usarts[port]) & USART_TXE);) patience--;
        USART_DR(usarts[port]) = slots[port][i];
    }
}
