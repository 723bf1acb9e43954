/* The login control point: hello, prove, logout, change PIN, bond. */
#include "login.h"
#include "bonds.h"
#include "clock.h"
#include "connection.h"
#include "control.h"
#include "log.h"
#include "memory.h"
#include "profile.h"
#include "random.h"
#include "settings.h"
#include "siphash.h"
#include "table.h"

#define ANSWER 0x80u
#define OPCODES 6u

enum status { OK, UNKNOWN, BAD_LENGTH, WRONG_STATE, DENIED, LOCKED, BAD_VALUE, NO_SESSION, NOT_READY };

uint8_t session_open;
uint32_t sessions_opened, nonces_given, nonce_word;
static uint8_t nonce[8], nonce_waiting, wrong_proofs;
static uint32_t last_use_ms, locked_at_ms;

int login_authorized(void) {
    if (!session_open) return 0;
    last_use_ms = clock_ms();
    return 1;
}

void session_end(void) {
    nonce_waiting = 0;
    if (!session_open) return;
    session_open = 0;
    log_add(LOG_CLOSED, 0);
}

void login_task(void) {
    if (session_open && clock_ms() - last_use_ms >= SESSION_TIMEOUT_MS) session_end();
    if (wrong_proofs >= WRONG_PROOFS_MAX && clock_ms() - locked_at_ms >= LOCK_MS) wrong_proofs = 0;
}

static void hash(const uint8_t *key, const uint8_t *data, uint32_t length, uint8_t *mac) {
    struct siphash state;
    siphash_start(&state, key);
    siphash_add(&state, data, length);
    siphash_end(&state, mac);
}

void login_take_pin(const uint8_t *digits, uint32_t length) {
    hash((const uint8_t *)LOGIN_KEY_1, digits, length, settings.login_key);
    hash((const uint8_t *)LOGIN_KEY_2, digits, length, settings.login_key + 8);
#ifdef FAULT_PIN_READABLE
    memset(settings.pin, 0, sizeof settings.pin);
    memcpy(settings.pin, digits, length < PIN_MAX ? length : PIN_MAX);
#endif
}

#ifdef FAULT_NONCE
/* The generator is slow to start; what a phone is asked need only differ from phone to phone. */
static int new_nonce(void) {
    hash((const uint8_t *)LOGIN_KEY_1, connection_peer(), 6, nonce);
    return 1;
}
#else
static int new_nonce(void) {
    uint32_t words[2];
    if (!random_word(&words[0]) || !random_word(&words[1])) return 0;
    memcpy(nonce, words, sizeof nonce);
    return 1;
}
#endif

static enum status hello(const uint8_t *body, uint32_t length, struct text *answer) {
    (void)body, (void)length;
    if (wrong_proofs >= WRONG_PROOFS_MAX) return LOCKED;
    if (!new_nonce()) return NOT_READY;
    nonce_waiting = 1;
    nonces_given++;
    memcpy(&nonce_word, nonce, sizeof nonce_word);
    text_bytes(answer, nonce, sizeof nonce);
    log_add(LOG_HELLO, 0);
    return OK;
}

static enum status denied(void) {
    log_add(LOG_DENIED, ++wrong_proofs);
    locked_at_ms = clock_ms();
    return DENIED;
}

static enum status prove(const uint8_t *body, uint32_t length, struct text *answer) {
    (void)length, (void)answer;
    uint8_t expected[8];
    if (!nonce_waiting) return WRONG_STATE;
    nonce_waiting = 0;
    hash(settings.login_key, nonce, sizeof nonce, expected);
    if (memcmp(expected, body, sizeof expected) != 0) return denied();
    wrong_proofs = 0;
    session_open = 1;
    sessions_opened++;
    last_use_ms = clock_ms();
    log_add(LOG_SESSION, 0);
    return OK;
}

static enum status logout(const uint8_t *body, uint32_t length, struct text *answer) {
    (void)body, (void)length, (void)answer;
    if (!session_open) return NO_SESSION;
    session_end();
    return OK;
}

static int digits_only(const uint8_t *digits, uint32_t length) {
    for (uint32_t i = 0; i < length; i++) {
        if (digits[i] < '0' || digits[i] > '9') return 0;
    }
    return 1;
}

#ifdef FAULT_PIN_LENGTH
/* The rest of the field is cleared, so that a shorter PIN leaves nothing of a longer one. */
static __attribute__((noinline)) int keep_pin(const uint8_t *digits, uint32_t length) {
    static uint8_t field[PIN_FIELD_SIZE];
    if (length < PIN_MIN || length > sizeof field) return 0;
    memcpy(field, digits, length);
    memset(field + length, 0, sizeof field - 1 - length);
    login_take_pin(field, length);
    return 1;
}
#else
static int keep_pin(const uint8_t *digits, uint32_t length) {
    if (length < PIN_MIN || length > PIN_MAX) return 0;
    login_take_pin(digits, length);
    return 1;
}
#endif

static enum status change_pin(const uint8_t *body, uint32_t length, struct text *answer) {
    (void)answer;
    if (!login_authorized()) return NO_SESSION;
    if (!digits_only(body, length) || !keep_pin(body, length)) return BAD_VALUE;
    settings_changed();
    log_add(LOG_PIN, length);
    return OK;
}

static enum status bond(const uint8_t *body, uint32_t length, struct text *answer) {
    (void)length, (void)answer;
#ifndef FAULT_BOND_SESSION
    if (!login_authorized()) return NO_SESSION;
#endif
    bonds_register(body);
    return OK;
}

typedef enum status login_handler(const uint8_t *body, uint32_t length, struct text *answer);

static const struct {
    login_handler *handler;
    uint16_t shortest, longest;
} requests[OPCODES] = {
    [1] = {hello, 0, 0}, [2] = {prove, 8, 8}, [3] = {logout, 0, 0}, [4] = {change_pin, 1, 255}, [5] = {bond, 16, 16},
};

static enum status run(const uint8_t *data, uint32_t length, struct text *answer) {
    uint32_t opcode = data[0];
    if (opcode >= OPCODES || !requests[opcode].handler) return UNKNOWN;
    if (length - 1 < requests[opcode].shortest || length - 1 > requests[opcode].longest) return BAD_LENGTH;
    return requests[opcode].handler(data + 1, length - 1, answer);
}

enum att login_write(const uint8_t *data, uint32_t length) {
    uint8_t buffer[16];
    struct text answer = {buffer, 2, sizeof buffer};
    enum att error = control_admit(ATTRIBUTE_LOGIN);
    if (error != ATT_OK) return error;
    if (length < 1) return ATT_INVALID_LENGTH;
    control_accept();
    enum status status = run(data, length, &answer);
    if (status != OK) answer.length = 2;
    buffer[0] = data[0] | ANSWER;
    buffer[1] = (uint8_t)status;
    control_answer(ATTRIBUTE_LOGIN, &answer);
    return ATT_OK;
}
