/* HCI commands with the controller's credit, and the set-up: reset, masks, addresses, buffers, advertising. */
#include "hci.h"
#include "acl.h"
#include "clock.h"
#include "console.h"
#include "h4.h"
#include "hci_events.h"
#include "identity.h"
#include "link.h"
#include "memory.h"
#include "profile.h"
#include "text.h"

#define KEY_REPLY 0x201Au
#define KEY_NEGATIVE_REPLY 0x201Bu

uint8_t advertising, own_address[6], own_address_type;
static uint32_t step;
static uint16_t awaited;
static uint64_t asked_us;
static uint8_t credits, key_wanted, key_known, key[16];

static void no_parameters(struct text *out) { (void)out; }

static void event_mask(struct text *out) { text_bytes(out, "\x90\x88\x00\x02\x00\x00\x00\x20", 8); }

static void le_event_mask(struct text *out) { text_bytes(out, "\x1F\0\0\0\0\0\0\0", 8); }

static void random_address(struct text *out) { text_bytes(out, identity.address, 6); }

/* 20 ms, connectable and undirected, all three channels, to everybody. */
static void advertising_parameters(struct text *out) {
    text_bytes(out, "\x20\0\x20\0\0", 5);
    text_byte(out, identity.address_type);
    text_bytes(out, "\0\0\0\0\0\0\0\x07\0", 9);
}

/* Flags, the glucose service and the name; always 31 bytes, the length of what counts in front. */
static void advertising_data(struct text *out) {
    uint32_t name = string_length(MODEL), start = out->length + 1;
    text_byte(out, (uint8_t)(7 + 2 + name));
    text_bytes(out, "\x02\x01\x06\x03\x03\x08\x18", 7);
    text_byte(out, (uint8_t)(1 + name));
    text_byte(out, 0x09);
    text_string(out, MODEL);
    while (out->length < start + 31) text_byte(out, 0);
}

static void no_scan_response(struct text *out) {
    for (uint32_t i = 0; i < 32; i++) text_byte(out, 0);
}

static void enable(struct text *out) { text_byte(out, 1); }

static const struct command {
    uint16_t opcode;
    void (*parameters)(struct text *out);
} commands[] = {
    {0x0C03, no_parameters},      /* Reset */
    {0x0C01, event_mask},         /* Set Event Mask */
    {0x1009, no_parameters},      /* Read BD_ADDR */
    {0x2002, no_parameters},      /* LE Read Buffer Size */
    {0x2001, le_event_mask},      /* LE Set Event Mask */
    {0x2005, random_address},     /* LE Set Random Address */
    {0x2006, advertising_parameters}, /* LE Set Advertising Parameters */
    {0x2008, advertising_data},   /* LE Set Advertising Data */
    {0x2009, no_scan_response},   /* LE Set Scan Response Data */
    {0x200A, enable},             /* LE Set Advertising Enable */
};
#define COMMANDS (sizeof commands / sizeof commands[0])
#define STEP_ENABLE (COMMANDS - 1)

/* Returns 0 while the wire is busy or the controller gives no credit. */
static int send(uint16_t opcode, void (*parameters)(struct text *out)) {
    struct text out;
    if (!credits || !h4_begin(H4_COMMAND, &out)) return 0;
    text_u16(&out, opcode);
    text_byte(&out, 0);
    uint32_t start = out.length;
    parameters(&out);
    out.data[start - 1] = (uint8_t)(out.length - start);
    h4_end(&out);
    credits--;
    return 1;
}

static void key_parameters(struct text *out) {
    text_u16(out, link_handle);
    if (key_known) text_bytes(out, key, sizeof key);
}

static void send_key(void) {
    if (send(key_known ? KEY_REPLY : KEY_NEGATIVE_REPLY, key_parameters)) key_wanted = 0;
}

static void send_step(void) {
    if (awaited || !send(commands[step].opcode, commands[step].parameters)) return;
    awaited = commands[step].opcode;
    asked_us = clock_us();
}

void hci_restart(void) {
    step = 0;
    awaited = advertising = key_wanted = 0;
    credits = 1;
    link_closed();
    acl_reset();
}

void hci_task(void) {
    if (awaited && clock_us() >= asked_us + HCI_PATIENCE_US) hci_restart();
    if (key_wanted) send_key();
    if (step < COMMANDS) send_step();
}

uint64_t hci_due(void) { return awaited ? asked_us + HCI_PATIENCE_US : clock_us() + CONTROL_PERIOD_US; }

void hci_reply_key(const uint8_t *known) {
    key_wanted = 1;
    key_known = known != 0;
    if (known) memcpy(key, known, sizeof key);
}

void hci_advertise(void) {
    advertising = 0;
    if (step == COMMANDS) step = STEP_ENABLE;
}

static void learn(uint16_t opcode, const uint8_t *values, uint32_t length) {
    if (opcode == 0x1009 && length >= 6) memcpy(own_address, values, 6);
    if (opcode == 0x2002 && length >= 3) acl_buffers(load16(values), values[2]);
}

static void set_up(void) {
    advertising = 1;
    own_address_type = identity.address_type;
    if (own_address_type) memcpy(own_address, identity.address, 6);
    console_print("advertising");
}

void hci_credit(uint8_t count) { credits = count; }

void hci_completed(uint16_t opcode, const uint8_t *values, uint32_t length) {
    if (opcode != awaited || !awaited || length < 1) return;
    awaited = 0;
    if (values[0]) {
        console_print("hci: %x refused, %x", (uint32_t)opcode, (uint32_t)values[0]);
        asked_us = clock_us();
        awaited = 0xFFFF; /* tried anew when the patience is over */
        return;
    }
    learn(opcode, values + 1, length - 1);
    if (++step == COMMANDS) set_up();
}
