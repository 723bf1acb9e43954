/* The drug library: limits by drug, uploaded in parts and taken over as a whole. */
#include "library.h"
#include "commands.h"
#include "crc.h"
#include "log.h"
#include "memory.h"
#include "settings.h"
#include "therapy.h"
#include "upload.h"

uint32_t library_writes;

static struct drug_library staged;
static uint16_t expected_entries, received_entries, digest;

static const struct drug_library initial = {
    .version = 7,
    .entries = 4,
    .drugs = {
        {9, 500000, 999000, 20000, "SALINE"},
        {DRUG_CONCENTRATION, 10000, 20000, 5000, "MORPHINE"},
        {50, 4000, 8000, 4000, "FENTANYL"},
        {1000, 150000, 250000, 10000, "PROPOFOL"},
    },
};

void library_defaults(struct drug_library *library) { *library = initial; }

const struct drug *library_drug(uint32_t index) {
    return index < settings.library.entries ? &settings.library.drugs[index] : 0;
}

void library_abandon(void) {
    expected_entries = 0;
    upload_release(UPLOAD_LIBRARY);
}

enum status library_list(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)length;
    uint32_t count = settings.library.entries;
    uint32_t first = body[0] < count ? body[0] : count;
    text_u16(reply, settings.library.version);
    text_byte(reply, (uint8_t)(count - first));
    for (; first < count; first++) text_bytes(reply, settings.library.drugs[first].name, 8);
    return STATUS_OK;
}

enum status library_read(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)length;
    const struct drug *drug = library_drug(body[0]);
    if (!drug) return STATUS_BAD_VALUE;
    text_byte(reply, body[0]);
    text_u16(reply, drug->concentration);
    text_u32(reply, drug->soft_rate);
    text_u32(reply, drug->hard_rate);
    text_u32(reply, drug->bolus_max);
    text_byte(reply, (uint8_t)string_length(drug->name));
    text_string(reply, drug->name);
    return STATUS_OK;
}

enum status library_begin(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)length, (void)reply;
    if (therapy_state != THERAPY_IDLE) return STATUS_WRONG_STATE;
    if (body[2] < 1 || body[2] > DRUGS_MAX) return STATUS_BAD_VALUE;
    if (!upload_take(UPLOAD_LIBRARY)) return STATUS_BUSY;
    memset(&staged, 0, sizeof staged);
    staged.version = load16(body);
    expected_entries = body[2];
    received_entries = 0;
    digest = CRC16_START;
    return STATUS_OK;
}

static void store_name(struct drug *drug, const uint8_t *name, uint32_t length) {
    memcpy(drug->name, name, length);
    memset(drug->name + length, 0, DRUG_NAME_SIZE - 1 - length);
}

static int limits_valid(const struct drug *drug) {
    return drug->concentration >= 1 && drug->concentration <= CONCENTRATION_MAX && drug->soft_rate >= RATE_MIN_UL_H &&
           drug->soft_rate <= drug->hard_rate && drug->hard_rate <= RATE_MAX_UL_H && drug->bolus_max <= HOURLY_MAX_UL;
}

#ifdef FAULT_DRUG_NAME
#define NAME_LIMIT DRUG_NAME_SIZE
#else
#define NAME_LIMIT (DRUG_NAME_SIZE - 1)
#endif

enum status library_part(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)reply;
    if (expected_entries == 0) return STATUS_WRONG_STATE;
    uint32_t name_length = body[15];
    if (name_length != length - 16) return STATUS_BAD_LENGTH;
    struct drug drug = {load16(body + 1), load32(body + 3), load32(body + 7), load32(body + 11), ""};
    if (body[0] >= expected_entries || !limits_valid(&drug)) return STATUS_BAD_VALUE;
    if (name_length < 1 || name_length > NAME_LIMIT) return STATUS_BAD_VALUE;
    store_name(&drug, body + 16, name_length);
    staged.drugs[body[0]] = drug;
    received_entries |= (uint16_t)(1u << body[0]);
    digest = crc16_next(digest, body, length);
    return STATUS_OK;
}

enum status library_commit(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)length, (void)reply;
    if (expected_entries == 0 || therapy_state != THERAPY_IDLE) return STATUS_WRONG_STATE;
    uint16_t complete = (uint16_t)((1u << expected_entries) - 1), entries = expected_entries;
    library_abandon();
    if (received_entries != complete || load16(body) != digest) return STATUS_BAD_VALUE;
    staged.entries = entries;
    settings.library = staged;
    library_writes++;
    therapy_clear_programme();
    settings_changed();
    log_add(LOG_LIBRARY, entries);
    return STATUS_OK;
}
