/* The mailbox to the radio front: frames `length u16 | op u8 | body` on the second UART. */
#ifndef MAILBOX_H
#define MAILBOX_H

#include <stdint.h>

enum mailbox {
    MAILBOX_CONNECTED = 0x01, MAILBOX_DISCONNECTED, MAILBOX_WRITE, MAILBOX_READ, MAILBOX_SECURITY, MAILBOX_SUBSCRIBE,
    MAILBOX_CONFIRMED, MAILBOX_MTU, MAILBOX_BOND, MAILBOX_PING,
    MAILBOX_RESULT = 0x81, MAILBOX_NOTIFY, MAILBOX_INDICATE, MAILBOX_DISCONNECT, MAILBOX_ADVERTISE, MAILBOX_UNBOND,
    MAILBOX_PONG = 0x8A,
};

/* Takes received bytes and serves whole frames. */
void mailbox_poll(void);
/* 0 when the transmit queue is full. */
int mailbox_send(enum mailbox op, const uint8_t *body, uint32_t length);
/* An attribute's value, sent as NOTIFY or INDICATE. */
int mailbox_send_value(enum mailbox op, uint16_t attribute, const uint8_t *value, uint32_t length);

#endif
