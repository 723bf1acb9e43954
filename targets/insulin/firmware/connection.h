/* The one connection: peer, security, subscriptions. */
#ifndef CONNECTION_H
#define CONNECTION_H

#include <stdint.h>

#define SUBSCRIBED_NOTIFY 1u
#define SUBSCRIBED_INDICATE 2u

extern uint8_t connected, link_encrypted, link_bonded;
extern uint32_t link_mtu;

void connection_opened(const uint8_t *body, uint32_t length);
void connection_closed(void);
void connection_security(const uint8_t *body, uint32_t length);
void connection_subscribe(const uint8_t *body, uint32_t length);
void connection_mtu(const uint8_t *body, uint32_t length);
/* Asks the front to end the connection. */
void connection_drop(void);
const uint8_t *connection_peer(void);
/* 1 when the peer has switched `kind` on for the attribute. */
int connection_subscribed(uint16_t attribute, uint32_t kind);
void connection_start(void);

#endif
