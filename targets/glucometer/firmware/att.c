/* ATT: which request goes where, error responses, the MTU, notifications and indications. */
#include "att.h"
#include "acl.h"
#include "clock.h"
#include "gatt.h"
#include "l2cap.h"
#include "memory.h"
#include "profile.h"

enum opcode {
    ERROR = 0x01,
    EXCHANGE_MTU = 0x02,
    NOTIFICATION = 0x1B,
    INDICATION = 0x1D,
    CONFIRMATION = 0x1E,
    WRITE_COMMAND = 0x52,
};
#define COMMAND_BITS 0xC0u
#define NONE 0xFFFFFFFFu

uint16_t att_mtu = MTU_MIN;
uint32_t att_requests;
static uint8_t response[SERVER_MTU], confirmed = 1;
static uint32_t indicated_ms;
static uint32_t answering = NONE;
static volatile uint8_t waiting;

#ifdef FAULT_MTU_SMALL
static int mtu_allowed(uint32_t mtu) { return mtu < 0x10000; }
#else
static int mtu_allowed(uint32_t mtu) { return mtu >= MTU_MIN; }
#endif

/* What the larger PDUs add to the buffer is cleared. */
static enum att exchange_mtu(struct request *request, struct text *out) {
    uint32_t mtu = load16(request->pdu + 1);
    if (!mtu_allowed(mtu)) return ATT_INVALID_PDU;
    att_mtu = (uint16_t)(mtu < SERVER_MTU ? mtu : SERVER_MTU);
    memset(response + MTU_MIN, 0, att_mtu - MTU_MIN);
    text_u16(out, SERVER_MTU);
    return ATT_OK;
}

static const struct service {
    uint8_t opcode, least, most;
    enum att (*serve)(struct request *request, struct text *out);
} services[] = {
    {EXCHANGE_MTU, 3, 3, exchange_mtu},
    {0x04, 5, 5, att_find_information},
    {0x06, 7, 255, att_find_by_type_value},
    {0x08, 7, 21, att_read_by_type},
    {0x0A, 3, 3, att_read},
    {0x0C, 5, 5, att_read_blob},
    {0x10, 7, 21, att_read_by_group_type},
    {0x12, 3, 255, att_write},
    {0x16, 5, 255, att_prepare_write},
    {0x18, 2, 2, att_execute_write},
};

void att_reset(void) {
    att_mtu = MTU_MIN;
    confirmed = 1;
    answering = NONE;
    att_write_reset();
}

void att_sent(void) { answering = NONE; }

int att_alive(void) { return !waiting; }

static enum att serve(struct request *request, struct text *out) {
    for (uint32_t i = 0; i < sizeof services / sizeof services[0]; i++) {
        const struct service *service = &services[i];
        if (service->opcode != request->pdu[0]) continue;
        if (request->length < service->least || request->length > service->most) return ATT_INVALID_PDU;
        return service->serve(request, out);
    }
    return ATT_NOT_SUPPORTED;
}

static void error(struct text *out, const struct request *request, enum att reason) {
    out->length = 0;
    text_byte(out, ERROR);
    text_byte(out, request->pdu[0]);
    text_u16(out, request->handle);
    text_byte(out, (uint8_t)reason);
}

/* What tells a request apart while its response is under way: opcode and handle. */
static uint32_t key_of(const uint8_t *pdu, uint32_t length) {
    return length < 3 ? pdu[0] : pdu[0] | (uint32_t)load16(pdu + 1) << 8;
}

static void answer(const uint8_t *pdu, uint32_t length) {
    struct request request = {pdu, length, 0};
    struct text out = {response, 0, att_mtu};
    text_byte(&out, pdu[0] + 1);
    waiting = 1;
    enum att reason = serve(&request, &out);
    if (reason != ATT_OK) error(&out, &request, reason);
    acl_send(CHANNEL_ATT, response, out.length);
    answering = key_of(pdu, length);
    waiting = 0;
    att_requests++;
}

static void write_command(const uint8_t *pdu, uint32_t length) {
    if (length >= 3) gatt_write(load16(pdu + 1), pdu + 3, length - 3);
}

#ifdef FAULT_ATT_SEQUENCE
/* A request like the one whose response is under way waits for that; but the end clears `answering` only. */
static int has_to_wait(uint32_t key) {
    if (answering == key) waiting = 1;
    return waiting;
}
#else
static int has_to_wait(uint32_t key) {
    (void)key;
    return 0;
}
#endif

/* Requests have even opcodes; commands that are unknown and what only a client gets are dropped. */
void att_received(const uint8_t *pdu, uint32_t length) {
    if (!length) return;
    if (pdu[0] == WRITE_COMMAND) write_command(pdu, length);
    else if (pdu[0] == CONFIRMATION) confirmed = 1;
    else if (!(pdu[0] & (COMMAND_BITS | 1)) && !has_to_wait(key_of(pdu, length))) answer(pdu, length);
}

static void tell(uint8_t opcode, uint16_t handle, const uint8_t *value, uint32_t length) {
    uint8_t pdu[SERVER_MTU];
    struct text out = {pdu, 0, att_mtu};
    text_byte(&out, opcode);
    text_u16(&out, handle);
    text_bytes(&out, value, length);
    acl_send(CHANNEL_ATT, pdu, out.length);
}

void att_notify(uint16_t handle, const uint8_t *value, uint32_t length) { tell(NOTIFICATION, handle, value, length); }

int att_indicate(uint16_t handle, const uint8_t *value, uint32_t length) {
    if (!confirmed && clock_ms() - indicated_ms < CONFIRM_PATIENCE_MS) return 0;
    confirmed = 0;
    indicated_ms = clock_ms();
    tell(INDICATION, handle, value, length);
    return 1;
}
