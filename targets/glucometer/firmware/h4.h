/* H4, the UART transport of HCI (Core 5.4 vol 4 part A): packets with their type in front. */
#ifndef H4_H
#define H4_H

#include <stdint.h>
#include "text.h"

enum h4 { H4_COMMAND = 1, H4_ACL = 2, H4_EVENT = 4 };

void h4_poll(void);
/* A packet to be built, with its type in place; 0 while the wire is busy. */
int h4_begin(enum h4 type, struct text *out);
void h4_end(const struct text *out);

#endif
