/* ACL data: fragments to and from the controller, as many as it has buffers for. */
#ifndef ACL_H
#define ACL_H

#include <stdint.h>

void acl_buffers(uint32_t length, uint32_t count);
void acl_reset(void);
void acl_received(const uint8_t *data, uint32_t length);
void acl_completed(uint32_t count);
/* Queues one L2CAP frame; dropped while FRAMES wait already. */
void acl_send(uint16_t channel, const uint8_t *pdu, uint32_t length);
void acl_task(void);

#endif
