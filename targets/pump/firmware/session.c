/* Authenticated sessions: challenge, proof, token, inactivity timeout. */
#include "session.h"
#include "clock.h"
#include "commands.h"
#include "library.h"
#include "log.h"
#include "memory.h"
#include "notify.h"
#include "profile.h"
#include "random.h"
#include "siphash.h"
#include "update.h"

struct session_role {
    const char *name;
    uint8_t code;
};

struct session_request {
    char peer[PEER_SIZE];
    const struct session_role *role;
    uint8_t challenge[8];
    uint8_t waiting;
};

static const struct session_role roles[] = {{"service", 1}, {"pharmacy", 2}};

uint8_t session_open;
uint32_t command_counter;
static struct session_request session_request;
static uint32_t session_token, last_use_ms;
static char peer[8] = "local";

const char *session_peer(void) { return peer; }

int session_accepts(uint32_t token) {
    if (!session_open || token != session_token) return 0;
    last_use_ms = clock_ms();
    return 1;
}

void session_end(void) {
    if (!session_open) return;
    log_add(LOG_CLOSED, 0);
    session_open = 0;
    session_token = 0;
    memset(peer, 0, sizeof peer);
    memcpy(peer, "local", 5);
    library_abandon();
    update_abandon();
    notify_unsubscribe();
}

void session_task(void) {
    if (session_open && clock_ms() - last_use_ms >= SESSION_TIMEOUT_MS) session_end();
}

static const struct session_role *role_of(uint8_t code) {
    for (uint32_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (roles[i].code == code) return &roles[i];
    }
    return 0;
}

static int new_challenge(uint8_t challenge[8]) {
    uint32_t words[2];
    if (!random_word(&words[0]) || !random_word(&words[1])) return 0;
    memcpy(challenge, words, sizeof words);
    return 1;
}

enum status session_open_request(const uint8_t *body, uint32_t length, struct text *reply) {
    const struct session_role *role = role_of(body[0]);
    uint32_t name_length = body[1];
    if (name_length != length - 2) return STATUS_BAD_LENGTH;
    if (!role) return STATUS_BAD_VALUE;
#ifndef FAULT_PEER_NAME
    if (name_length > PEER_SIZE) return STATUS_BAD_VALUE;
#endif
    session_request.waiting = 0;
    session_request.role = role;
    memset(session_request.peer, 0, sizeof session_request.peer);
    memcpy(session_request.peer, body + 2, name_length);
    log_add(LOG_OPEN, session_request.role->code);
    if (!new_challenge(session_request.challenge)) return STATUS_BUSY;
    session_request.waiting = 1;
    text_bytes(reply, session_request.challenge, 8);
    return STATUS_OK;
}

static int proof_right(const uint8_t answer[8]) {
    struct siphash hash;
    uint8_t expected[8];
    siphash_start(&hash, (const uint8_t *)SERVICE_KEY);
    siphash_add(&hash, session_request.challenge, 8);
    siphash_end(&hash, expected);
    return memcmp(expected, answer, 8) == 0;
}

static int start_session(void) {
    uint32_t token;
    if (!random_word(&token)) return 0;
    session_end();
    session_token = token | 1;
    session_open = 1;
    command_counter = 0;
    last_use_ms = clock_ms();
    memcpy(peer, session_request.peer, sizeof peer);
    log_add(LOG_SESSION, session_request.role->code);
    return 1;
}

enum status session_prove(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)length;
    if (!session_request.waiting) return STATUS_WRONG_STATE;
    session_request.waiting = 0;
    if (!proof_right(body)) {
        log_add(LOG_DENIED, 0);
        return STATUS_DENIED;
    }
    if (!start_session()) return STATUS_BUSY;
    text_u32(reply, session_token);
    text_u16(reply, SESSION_TIMEOUT_MS / 1000);
    text_u32(reply, command_counter);
    return STATUS_OK;
}

enum status session_close(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)body, (void)length, (void)reply;
    session_end();
    return STATUS_OK;
}
