/* The one connection: what the front tells of it; a new one starts from nothing. */
#include "connection.h"
#include "bonds.h"
#include "e2e.h"
#include "indications.h"
#include "log.h"
#include "login.h"
#include "mailbox.h"
#include "memory.h"
#include "racp.h"
#include "text.h"

#define ENCRYPTED 1u
#define SUBSCRIPTIONS 16u
#define REASON_REMOTE 0x13u
#define MTU_DEFAULT 23u
#define MTU_LONGEST 517u

uint8_t connected, link_encrypted, link_bonded;
uint32_t link_mtu = MTU_DEFAULT;
static uint8_t peer[6];
static struct {
    uint16_t attribute, value;
} subscriptions[SUBSCRIPTIONS];
static uint32_t subscription_count;

const uint8_t *connection_peer(void) { return peer; }

static void secure(uint8_t flags) {
    link_encrypted = flags & ENCRYPTED;
    link_bonded = link_encrypted && bonds_known(peer);
}

static void forget(void) {
    session_end();
    racp_stop();
    indications_clear();
    e2e_restart();
    subscription_count = 0;
    link_mtu = MTU_DEFAULT;
}

void connection_opened(const uint8_t *body, uint32_t length) {
    if (length != 8) return;
    forget();
    memcpy(peer, body + 1, sizeof peer);
    connected = 1;
    secure(body[7]);
    log_add(LOG_CONNECTED, body[7]);
}

static void advertise(void) {
    const uint8_t on = 1;
    mailbox_send(MAILBOX_ADVERTISE, &on, 1);
}

void connection_closed(void) {
    if (!connected) return;
    forget();
    connected = 0;
    secure(0);
    memset(peer, 0, sizeof peer);
    advertise();
}

void connection_start(void) { advertise(); }

void connection_drop(void) {
    const uint8_t reason = REASON_REMOTE;
    mailbox_send(MAILBOX_DISCONNECT, &reason, 1);
}

void connection_security(const uint8_t *body, uint32_t length) {
    if (connected && length == 1) secure(body[0]);
}

void connection_mtu(const uint8_t *body, uint32_t length) {
    if (!connected || length != 2) return;
    uint32_t mtu = load16(body);
    if (mtu >= MTU_DEFAULT && mtu <= MTU_LONGEST) link_mtu = mtu;
}

void connection_subscribe(const uint8_t *body, uint32_t length) {
    if (!connected || length != 4) return;
    uint32_t at = 0;
    while (at < subscription_count && subscriptions[at].attribute != load16(body)) at++;
    if (at == SUBSCRIPTIONS) return;
    if (at == subscription_count) subscription_count++;
    subscriptions[at].attribute = load16(body);
    subscriptions[at].value = load16(body + 2);
}

int connection_subscribed(uint16_t attribute, uint32_t kind) {
    for (uint32_t i = 0; i < subscription_count; i++) {
        if (subscriptions[i].attribute == attribute) return (subscriptions[i].value & kind) != 0;
    }
    return 0;
}
