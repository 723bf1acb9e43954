/* ATT requests that read: one value, a part of it, all of a type, services. */
#include "att.h"
#include "gatt.h"
#include "memory.h"
#include "profile.h"

#define SHORT_SIZE 7u
#define LONG_SIZE 21u
#define VALUE_SIZE_MAX 253u

/* What the 128-bit UUID of a 16-bit one ends with, on the wire: the Bluetooth base. */
static const uint8_t base[12] = {0xFB, 0x34, 0x9B, 0x5F, 0x80, 0, 0, 0x80, 0, 0x10, 0, 0};

/* 0 for a type that this table cannot have. */
static uint16_t type_of(const struct request *request) {
    const uint8_t *uuid = request->pdu + 5;
    if (request->length == SHORT_SIZE) return load16(uuid);
    return memcmp(uuid, base, sizeof base) == 0 && load16(uuid + 14) == 0 ? load16(uuid + 12) : 0;
}

static enum att take(struct request *request, uint16_t *end, uint16_t *type) {
    if (request->length != SHORT_SIZE && request->length != LONG_SIZE) return ATT_INVALID_PDU;
    request->handle = load16(request->pdu + 1);
    *end = load16(request->pdu + 3);
    if (!request->handle || request->handle > *end) return ATT_INVALID_HANDLE;
    if (*end > HANDLE_LAST) *end = HANDLE_LAST;
    *type = type_of(request);
    return ATT_OK;
}

/* All entries of a list are as long as the first, which is cut at the end of the PDU. */
static int add(struct text *out, uint32_t head, const struct text *entry, uint32_t *size) {
    uint32_t room = out->size - head - 1, first = out->length == head + 1;
    uint32_t most = room < VALUE_SIZE_MAX + 2 ? room : VALUE_SIZE_MAX + 2;
    if (first) *size = entry->length < most ? entry->length : most;
    if (!first && (entry->length != *size || out->length + *size > out->size)) return 0;
    text_bytes(out, entry->data, *size);
    return 1;
}

/* The entry's value stands behind `entry->length` bytes of handles. An error ends the list; it is told where there is none. */
static enum att collect(struct request *request, struct text *out, uint16_t end, uint16_t type, int groups) {
    uint32_t head = out->length, size = 0;
    text_byte(out, 0);
    for (uint16_t handle = request->handle; handle <= end; handle++) {
        uint8_t data[VALUE_MAX + 4];
        struct text entry = {data, 0, sizeof data};
        if (gatt_type(handle) != type) continue;
        text_u16(&entry, handle);
        if (groups) text_u16(&entry, gatt_group_end(handle));
        enum att error = gatt_read(handle, &entry);
        if (error != ATT_OK && !size) request->handle = handle;
        if (error != ATT_OK && !size) return error;
        if (error != ATT_OK || !add(out, head, &entry, &size)) break;
    }
    out->data[head] = (uint8_t)size;
    return size ? ATT_OK : ATT_NOT_FOUND;
}

enum att att_read_by_type(struct request *request, struct text *out) {
    uint16_t end, type;
    enum att error = take(request, &end, &type);
    if (error != ATT_OK) return error;
    return type ? collect(request, out, end, type, 0) : ATT_NOT_FOUND;
}

enum att att_read_by_group_type(struct request *request, struct text *out) {
    uint16_t end, type;
    enum att error = take(request, &end, &type);
    if (error != ATT_OK) return error;
    return type == PRIMARY_SERVICE ? collect(request, out, end, type, 1) : ATT_UNSUPPORTED_GROUP;
}

enum att att_read(struct request *request, struct text *out) {
    request->handle = load16(request->pdu + 1);
    return gatt_read(request->handle, out);
}

enum att att_read_blob(struct request *request, struct text *out) {
    uint8_t data[VALUE_MAX];
    struct text value = {data, 0, sizeof data};
    uint32_t offset = load16(request->pdu + 3);
    request->handle = load16(request->pdu + 1);
    enum att error = gatt_read(request->handle, &value);
    if (error != ATT_OK) return error;
    if (offset > value.length) return ATT_INVALID_OFFSET;
    text_bytes(out, data + offset, value.length - offset);
    return ATT_OK;
}
