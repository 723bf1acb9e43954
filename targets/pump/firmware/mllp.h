/* MLLP frames on the network module's UART. */
#ifndef MLLP_H
#define MLLP_H

/* Takes received bytes; answers whole frames. */
void mllp_poll(void);

#endif
