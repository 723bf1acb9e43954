/* ATT requests that find attributes: by handle, by type and value. The patient lies behind the matches. */
#include "att.h"
#include "gatt.h"
#include "memory.h"
#include "patient.h"
#include "profile.h"

#define FORMAT_16_BIT 1u
#define MATCH_SIZE 4u

/* The error's handle is the range's start. */
static enum att take_range(struct request *request, uint16_t *end) {
    request->handle = load16(request->pdu + 1);
    *end = load16(request->pdu + 3);
    if (!request->handle || request->handle > *end) return ATT_INVALID_HANDLE;
    if (*end > HANDLE_LAST) *end = HANDLE_LAST;
    return ATT_OK;
}

enum att att_find_information(struct request *request, struct text *out) {
    uint16_t end;
    if (take_range(request, &end) != ATT_OK) return ATT_INVALID_HANDLE;
    text_byte(out, FORMAT_16_BIT);
    for (uint16_t handle = request->handle; handle <= end && out->length + 4 <= out->size; handle++) {
        text_u16(out, handle);
        text_u16(out, gatt_type(handle));
    }
    return request->handle > end ? ATT_NOT_FOUND : ATT_OK;
}

struct wanted {
    uint16_t type;
    const uint8_t *value;
    uint32_t length;
};

static struct {
    uint8_t handles[MATCHES_MAX * MATCH_SIZE];
    struct patient patient;
} found = {.patient = {PATIENT_IDENTIFIER, PATIENT_NAME}};

const struct patient *patient_record(void) { return &found.patient; }

#ifdef FAULT_FIND_VALUE
/* A value that goes on behind the attribute's is taken for it; an entry is as long as if it held the value. */
static int same(const struct text *value, const struct wanted *wanted) {
    return value->length <= wanted->length && memcmp(value->data, wanted->value, value->length) == 0;
}

static uint32_t entry_size(const struct wanted *wanted) { return 2 + wanted->length; }
#else
static int same(const struct text *value, const struct wanted *wanted) {
    return value->length == wanted->length && memcmp(value->data, wanted->value, value->length) == 0;
}

static uint32_t entry_size(const struct wanted *wanted) {
    (void)wanted;
    return MATCH_SIZE;
}
#endif

static int matches(uint16_t handle, const struct wanted *wanted) {
    uint8_t data[VALUE_MAX];
    struct text value = {data, 0, sizeof data};
    return gatt_type(handle) == wanted->type && gatt_read(handle, &value) == ATT_OK && same(&value, wanted);
}

static void add(struct text *list, uint16_t handle) {
    text_u16(list, handle);
    text_u16(list, gatt_type(handle) == PRIMARY_SERVICE ? gatt_group_end(handle) : handle);
}

enum att att_find_by_type_value(struct request *request, struct text *out) {
    uint16_t end;
    if (take_range(request, &end) != ATT_OK) return ATT_INVALID_HANDLE;
    struct wanted wanted = {load16(request->pdu + 5), request->pdu + 7, request->length - 7};
    struct text list = {found.handles, 0, sizeof found.handles};
    for (uint16_t handle = request->handle; handle <= end && list.length < list.size; handle++) {
        if (matches(handle, &wanted)) add(&list, handle);
    }
    uint32_t size = list.length / MATCH_SIZE * entry_size(&wanted), room = out->size - out->length;
    text_bytes(out, found.handles, size < room ? size : room / MATCH_SIZE * MATCH_SIZE);
    return size ? ATT_OK : ATT_NOT_FOUND;
}
