/* The login: challenge and proof of the PIN open a session, which therapy needs. */
#ifndef LOGIN_H
#define LOGIN_H

#include <stdint.h>

#include "att.h"

extern uint8_t session_open;
extern uint32_t sessions_opened, nonces_given, nonce_word;

/* 1 when the peer has a session; keeps it alive. */
int login_authorized(void);
void session_end(void);
void login_task(void);
/* The key that proves this PIN takes the place of the old one. */
void login_take_pin(const uint8_t *digits, uint32_t length);
enum att login_write(const uint8_t *data, uint32_t length);

#endif
