/* The ATT server (Core 5.4 vol 3 part F): requests, their answers, notifications and indications. */
#ifndef ATT_H
#define ATT_H

#include <stdint.h>
#include "text.h"

enum att {
    ATT_OK = 0x00,
    ATT_INVALID_HANDLE = 0x01,
    ATT_READ_NOT_PERMITTED = 0x02,
    ATT_WRITE_NOT_PERMITTED = 0x03,
    ATT_INVALID_PDU = 0x04,
    ATT_NOT_SUPPORTED = 0x06,
    ATT_INVALID_OFFSET = 0x07,
    ATT_QUEUE_FULL = 0x09,
    ATT_NOT_FOUND = 0x0A,
    ATT_INVALID_LENGTH = 0x0D,
    ATT_NOT_ENCRYPTED = 0x0F,
    ATT_UNSUPPORTED_GROUP = 0x10,
    ATT_NOT_CONFIGURED = 0xFD,
    ATT_IN_PROGRESS = 0xFE,
};

/* A whole request with its opcode. The handle is the one that an error names. */
struct request {
    const uint8_t *pdu;
    uint32_t length;
    uint16_t handle;
};

extern uint16_t att_mtu;

void att_reset(void);
void att_received(const uint8_t *pdu, uint32_t length);
/* The controller has sent everything that was queued. */
void att_sent(void);
/* 0 while a request is served and not yet answered. */
int att_alive(void);
/* Cut at the MTU. An indication is sent after the last one's confirmation only; returns 0 otherwise. */
void att_notify(uint16_t handle, const uint8_t *value, uint32_t length);
int att_indicate(uint16_t handle, const uint8_t *value, uint32_t length);

enum att att_find_information(struct request *request, struct text *out);
enum att att_find_by_type_value(struct request *request, struct text *out);
enum att att_read_by_type(struct request *request, struct text *out);
enum att att_read_by_group_type(struct request *request, struct text *out);
enum att att_read(struct request *request, struct text *out);
enum att att_read_blob(struct request *request, struct text *out);
enum att att_write(struct request *request, struct text *out);
enum att att_prepare_write(struct request *request, struct text *out);
enum att att_execute_write(struct request *request, struct text *out);
void att_write_reset(void);

#endif
