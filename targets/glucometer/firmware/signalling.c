/* LE signalling: unknown commands and channels are refused, answers to what was never asked are stepped over. */
#include "acl.h"
#include "l2cap.h"
#include "profile.h"
#include "text.h"

#define HEAD 4u

enum code {
    REJECT = 0x01,
    DISCONNECTION_REQUEST = 0x06,
    DISCONNECTION_RESPONSE = 0x07,
    UPDATE_REQUEST = 0x12,
    UPDATE_RESPONSE = 0x13,
    CREDIT_CONNECTION_REQUEST = 0x14,
    CREDIT_CONNECTION_RESPONSE = 0x15,
    CREDITS = 0x16,
    ENHANCED_REQUEST = 0x17,
    ENHANCED_RESPONSE = 0x18,
    RECONFIGURE_RESPONSE = 0x1A,
};
enum { NOT_UNDERSTOOD, MTU_EXCEEDED, INVALID_CHANNEL };
#define SPSM_NOT_SUPPORTED 2u

static uint32_t data_size(const uint8_t *command) { return command[2] | (uint32_t)command[3] << 8; }

static void answer(uint8_t code, uint8_t identifier, const uint8_t *data, uint32_t length) {
    uint8_t buffer[SIGNALLING_MTU];
    struct text out = {buffer, 0, sizeof buffer};
    text_byte(&out, code);
    text_byte(&out, identifier);
    text_u16(&out, length);
    text_bytes(&out, data, length);
    acl_send(CHANNEL_SIGNALLING, buffer, out.length);
}

static void reject(uint8_t identifier, uint32_t reason, const uint8_t *detail, uint32_t length) {
    uint8_t data[6];
    struct text out = {data, 0, sizeof data};
    text_u16(&out, reason);
    text_bytes(&out, detail, length);
    answer(REJECT, identifier, data, out.length);
}

static int is_answer(uint8_t code) {
    return code == REJECT || code == DISCONNECTION_RESPONSE || code == UPDATE_RESPONSE ||
           code == CREDIT_CONNECTION_RESPONSE || code == CREDITS || code == ENHANCED_RESPONSE ||
           code == RECONFIGURE_RESPONSE;
}

/* MTU, MPS, credits and the channel of a connection that does not come about are 0. */
static void refuse_connection(uint8_t code, uint8_t identifier) {
    static const uint8_t refused[10] = {[8] = SPSM_NOT_SUPPORTED};
    static const uint8_t enhanced[8] = {[6] = SPSM_NOT_SUPPORTED};
    if (code == CREDIT_CONNECTION_REQUEST) answer(CREDIT_CONNECTION_RESPONSE, identifier, refused, sizeof refused);
    else answer(ENHANCED_RESPONSE, identifier, enhanced, sizeof enhanced);
}

static void serve(const uint8_t *command, uint32_t length) {
    uint8_t code = command[0], identifier = command[1];
    if (code == CREDIT_CONNECTION_REQUEST && length == 10) refuse_connection(code, identifier);
    else if (code == ENHANCED_REQUEST && length >= 10) refuse_connection(code, identifier);
    else if (code == DISCONNECTION_REQUEST && length == 4) reject(identifier, INVALID_CHANNEL, command + HEAD, 4);
    else reject(identifier, NOT_UNDERSTOOD, 0, 0);
}

/* How far it is to the next command of a frame. */
static uint32_t step(const uint8_t *command) {
#ifdef FAULT_SIGNAL_ZERO
    if (is_answer(command[0])) return data_size(command);
#endif
    return HEAD + data_size(command);
}

/* Identifier 0 is nobody's; what reaches beyond the frame's end is no command. */
void signalling_received(const uint8_t *pdu, uint32_t length) {
    if (length > SIGNALLING_MTU) {
        static const uint8_t limit[2] = {SIGNALLING_MTU, 0};
        reject(pdu[1], MTU_EXCEEDED, limit, sizeof limit);
        return;
    }
    for (uint32_t at = 0; at + HEAD <= length; at += step(pdu + at)) {
        const uint8_t *command = pdu + at;
        uint32_t data = data_size(command);
        if (data > length - at - HEAD) return;
        if (command[1] && !is_answer(command[0])) serve(command, data);
    }
}
