/* Firmware update: begin names version, size and MAC; chunks fill the staging area; commit verifies. */
#include "update.h"
#include "commands.h"
#include "log.h"
#include "memory.h"
#include "profile.h"
#include "siphash.h"
#include "therapy.h"
#include "upload.h"

uint16_t firmware_version = FIRMWARE_VERSION;
uint32_t update_count;
/* 1 when the MAC of the last accepted image fitted in full. */
uint8_t update_verified = 1;

static uint8_t image[IMAGE_MAX];
static struct {
    uint16_t version;
    uint8_t begun;
    uint8_t mac[8];
    uint32_t size, received;
} staged;

void update_abandon(void) {
    staged.begun = 0;
    upload_release(UPLOAD_IMAGE);
}

static int newer(uint16_t version) {
#ifdef FAULT_UPDATE_ROLLBACK
    return version >> 8 > firmware_version >> 8 || (version & 0xFF) > (firmware_version & 0xFF);
#else
    return version > firmware_version;
#endif
}

enum status update_begin(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)length, (void)reply;
    uint32_t size = load32(body + 2);
    if (therapy_state != THERAPY_IDLE) return STATUS_WRONG_STATE;
    if (!newer(load16(body))) return STATUS_VERSION;
#ifndef FAULT_UPDATE_UNSIGNED
    if (size < 1) return STATUS_BAD_VALUE;
#endif
    if (size > IMAGE_MAX) return STATUS_BAD_VALUE;
    if (!upload_take(UPLOAD_IMAGE)) return STATUS_BUSY;
    staged.version = load16(body);
    staged.size = size;
    staged.received = 0;
    staged.begun = 1;
    memcpy(staged.mac, body + 6, 8);
    return STATUS_OK;
}

enum status update_chunk(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)reply;
    uint32_t offset = load32(body), count = length - 4;
    if (!staged.begun) return STATUS_WRONG_STATE;
    if (offset != staged.received || count > staged.size - staged.received) return STATUS_BAD_VALUE;
    memcpy(image + offset, body + 4, count);
    staged.received += count;
    return STATUS_OK;
}

static void image_mac(uint8_t mac[8]) {
    uint8_t head[6];
    struct text text = {head, 0, sizeof head};
    struct siphash hash;
    text_u16(&text, staged.version);
    text_u32(&text, staged.size);
    siphash_start(&hash, (const uint8_t *)SERVICE_KEY);
    siphash_add(&hash, head, sizeof head);
    siphash_add(&hash, image, staged.received);
    siphash_end(&hash, mac);
}

static int verified(void) {
    uint8_t mac[8];
    image_mac(mac);
    uint32_t compared = sizeof mac;
#ifdef FAULT_UPDATE_UNSIGNED
    /* A short image has a short MAC. */
    if (staged.received < compared) compared = staged.received;
#endif
    update_verified = memcmp(mac, staged.mac, sizeof mac) == 0;
    return memcmp(mac, staged.mac, compared) == 0;
}

enum status update_commit(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)body, (void)length, (void)reply;
    if (!staged.begun || staged.received != staged.size) return STATUS_WRONG_STATE;
    update_abandon();
    if (!verified()) return STATUS_SIGNATURE;
    firmware_version = staged.version;
    update_count++;
    log_add(LOG_UPDATE, firmware_version);
    return STATUS_OK;
}
