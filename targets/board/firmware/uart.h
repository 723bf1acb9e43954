/* Three UARTs: received bytes are looked at where they lie, sent bytes are built where they go out from. */
#ifndef UART_H
#define UART_H

#include <stdint.h>

/* USART1, USART2, USART3; a device names them in its profile. The third one only sends. */
enum uart { UART_1, UART_2, UART_3, UART_COUNT };

#define UART_SLOT_SIZE 1104u
#define UART_SLOTS 4u

void uart_init(void);
/* Starts what is queued; called from the main loop only. */
void uart_poll(void);
/* The received bytes that lie in one piece; returns how many. */
uint32_t uart_peek(enum uart port, const uint8_t **data);
void uart_consume(enum uart port, uint32_t count);
/* A free buffer of UART_SLOT_SIZE bytes, or 0 while all are waiting to be sent. */
uint8_t *uart_reserve(enum uart port);
/* Sends the first `length` bytes of the reserved buffer. */
void uart_commit(enum uart port, uint32_t length);

#endif
