/* Legacy pairing: features, confirm values, random values, the short-term key, then our long-term key. */
#include "smp.h"
#include "acl.h"
#include "hci.h"
#include "l2cap.h"
#include "link.h"
#include "memory.h"
#include "profile.h"
#include "random.h"
#include "smp_crypto.h"
#include "text.h"

enum code {
    REQUEST = 0x01,
    RESPONSE = 0x02,
    CONFIRM = 0x03,
    RANDOM = 0x04,
    FAILED = 0x05,
    ENCRYPTION_INFORMATION = 0x06,
    CENTRAL_IDENTIFICATION = 0x07,
    SECURITY_REQUEST = 0x0B,
    PUBLIC_KEY = 0x0C,
    DHKEY_CHECK = 0x0D,
    KEYPRESS = 0x0E,
};
enum reason {
    CONFIRM_VALUE = 0x04,
    KEY_SIZE = 0x06,
    NOT_SUPPORTED = 0x07,
    UNSPECIFIED = 0x08,
    INVALID = 0x0A,
};
enum phase { FEATURES_AGREED, CONFIRMED, KEY_READY };
#define FEATURES 7u
#define NO_INPUT_NO_OUTPUT 3u
#define CAPABILITIES 5u
#define BONDING 1u
#define ENCRYPTION_KEY 1u

typedef void (*sender)(const uint8_t *pdu, uint32_t length);

/* One pairing under way. */
struct pairing {
    enum phase phase;
    uint8_t request[FEATURES], response[FEATURES];
    uint8_t confirm[16], random[16];
    uint8_t public_key[32];
    uint8_t key[KEY_MAX] __attribute__((aligned(4)));
    sender send;
};

struct bond {
    uint8_t key[KEY_MAX], random[8], size;
    uint16_t diversifier;
};

uint32_t pairings;
static struct pairing area, *pairing;
static struct bond bond;

static void send(const uint8_t *pdu, uint32_t length) { acl_send(CHANNEL_SMP, pdu, length); }

static void send_value(enum code code, const uint8_t *value, uint32_t length) {
    uint8_t pdu[1 + 16];
    struct text out = {pdu, 0, sizeof pdu};
    text_byte(&out, (uint8_t)code);
    text_bytes(&out, value, length);
    send(pdu, out.length);
}

static void fail(enum reason reason) {
    uint8_t value = (uint8_t)reason;
    pairing = 0;
    send_value(FAILED, &value, 1);
}

void smp_reset(void) { pairing = 0; }

static int fill_random(uint8_t *to, uint32_t size) {
    uint32_t word;
    for (uint32_t at = 0; at + 4 <= size; at += 4) {
        if (!random_word(&word)) return 0;
        memcpy(to + at, &word, 4);
    }
    return 1;
}

#ifdef FAULT_KEY_SIZE
static int key_size_right(uint8_t size) { return size >= KEY_MIN; }
#else
static int key_size_right(uint8_t size) { return size >= KEY_MIN && size <= KEY_MAX; }
#endif

/* Secure Connections are not offered, so that both sides go on with legacy pairing. */
static void build_response(void) {
    const uint8_t *request = pairing->request;
    uint8_t *response = pairing->response;
    response[0] = RESPONSE;
    response[1] = NO_INPUT_NO_OUTPUT;
    response[2] = 0;
    response[3] = request[3] & BONDING;
    response[4] = KEY_MAX;
    response[5] = 0;
    response[6] = request[6] & ENCRYPTION_KEY;
}

/* A request begins anew, whatever was under way. The key's field is cleared in the size that was asked for. */
static void requested(const uint8_t *pdu, uint32_t length) {
    if (length != FEATURES || pdu[1] >= CAPABILITIES || pdu[2] > 1) {
        fail(INVALID);
        return;
    }
    if (!key_size_right(pdu[4])) {
        fail(pdu[4] < KEY_MIN ? KEY_SIZE : INVALID);
        return;
    }
    pairing = &area;
    pairing->phase = FEATURES_AGREED;
    pairing->send = send;
    memset(pairing->key, 0, pdu[4]);
    memcpy(pairing->request, pdu, FEATURES);
    build_response();
    pairing->send(pairing->response, FEATURES);
}

static struct pairing_sides sides(void) {
    return (struct pairing_sides){
        pairing->request, pairing->response, peer_address_type, own_address_type, peer_address, own_address,
    };
}

static void confirmed(const uint8_t *value) {
    uint8_t own[16];
    struct pairing_sides both = sides();
    if (!fill_random(pairing->random, sizeof pairing->random)) {
        fail(UNSPECIFIED);
        return;
    }
    memcpy(pairing->confirm, value, 16);
    smp_c1(pairing->random, &both, own);
    pairing->phase = CONFIRMED;
    send_value(CONFIRM, own, sizeof own);
}

static uint8_t key_size(void) { return pairing->request[4] < KEY_MAX ? pairing->request[4] : KEY_MAX; }

static void shorten(uint8_t key[KEY_MAX], uint32_t size) { memset(key + size, 0, KEY_MAX - size); }

static void revealed(const uint8_t *value) {
    uint8_t expected[16];
    struct pairing_sides both = sides();
    smp_c1(value, &both, expected);
    if (memcmp(expected, pairing->confirm, sizeof expected) != 0) {
        fail(CONFIRM_VALUE);
        return;
    }
    smp_s1(pairing->random, value, pairing->key);
    shorten(pairing->key, key_size());
    pairing->phase = KEY_READY;
    send_value(RANDOM, pairing->random, sizeof pairing->random);
}

/* Of Secure Connections, which we never agree to: nobody has to ask for the key. */
static void public_key(const uint8_t *pdu, uint32_t length) {
#ifdef FAULT_PUBLIC_KEY
    if (length >= 1 + sizeof pairing->public_key) memcpy(pairing->public_key, pdu + 1, sizeof pairing->public_key);
#else
    (void)pdu, (void)length;
#endif
    fail(UNSPECIFIED);
}

static int in_phase(enum phase phase) { return pairing && pairing->phase == phase; }

static void take_value(enum phase phase, void (*serve)(const uint8_t *value), const uint8_t *pdu, uint32_t length) {
    if (length != 17) fail(INVALID);
    else if (!in_phase(phase)) fail(UNSPECIFIED);
    else serve(pdu + 1);
}

void smp_received(const uint8_t *pdu, uint32_t length) {
    if (!length) return;
    switch (pdu[0]) {
        case REQUEST: requested(pdu, length); break;
        case CONFIRM: take_value(FEATURES_AGREED, confirmed, pdu, length); break;
        case RANDOM: take_value(CONFIRMED, revealed, pdu, length); break;
        case FAILED: pairing = 0; break;
        case PUBLIC_KEY: public_key(pdu, length); break;
        case RESPONSE:
        case SECURITY_REQUEST:
        case DHKEY_CHECK: fail(UNSPECIFIED); break;
        default:
            if (pdu[0] == 0 || pdu[0] > KEYPRESS) fail(NOT_SUPPORTED);
    }
}

static int is_zero(const uint8_t random[8]) { return load32(random) == 0 && load32(random + 4) == 0; }

const uint8_t *smp_key(uint16_t diversifier, const uint8_t *random) {
    if (!diversifier && is_zero(random)) return in_phase(KEY_READY) ? pairing->key : 0;
    int known = bond.size && diversifier == bond.diversifier && memcmp(random, bond.random, sizeof bond.random) == 0;
    return known ? bond.key : 0;
}

static void send_identification(void) {
    uint8_t value[10];
    struct text out = {value, 0, sizeof value};
    text_u16(&out, bond.diversifier);
    text_bytes(&out, bond.random, sizeof bond.random);
    send_value(CENTRAL_IDENTIFICATION, value, sizeof value);
}

/* The last pairing's key is the one that is kept, until the power goes. */
static void distribute(void) {
    uint32_t word;
    bond.size = 0;
    if (!fill_random(bond.key, KEY_MAX) || !fill_random(bond.random, sizeof bond.random) || !random_word(&word)) return;
    bond.size = key_size();
    bond.diversifier = (uint16_t)(word | 1);
    shorten(bond.key, bond.size);
    send_value(ENCRYPTION_INFORMATION, bond.key, KEY_MAX);
    send_identification();
}

void smp_encryption(int on) {
    if (!in_phase(KEY_READY)) return;
    if (on && (pairing->response[6] & ENCRYPTION_KEY)) distribute();
    pairings += on ? 1 : 0;
    pairing = 0;
}
