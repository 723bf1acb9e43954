/* Authenticated sessions on the maintenance link. */
#ifndef SESSION_H
#define SESSION_H

#include <stdint.h>

extern uint8_t session_open;
extern uint32_t command_counter;

/* 1 when `token` is the open session's; keeps the session alive. */
int session_accepts(uint32_t token);
void session_end(void);
void session_task(void);
/* Eight bytes: who the log says it was. */
const char *session_peer(void);

#endif
