/* Who may use the staging area: one upload at a time. */
#ifndef UPLOAD_H
#define UPLOAD_H

#include <stdint.h>

enum upload_owner { UPLOAD_NONE, UPLOAD_LIBRARY, UPLOAD_IMAGE };

extern uint8_t upload_owner;

/* 1 when `owner` has the staging area. */
int upload_take(enum upload_owner owner);
void upload_release(enum upload_owner owner);

#endif
