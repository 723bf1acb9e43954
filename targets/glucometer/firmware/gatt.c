/* The attribute table: one row for each handle, in order. */
#include "gatt.h"
#include "glucose.h"
#include "link.h"
#include "memory.h"
#include "profile.h"

#define DECLARATION 0x2803u
#define CCCD 0x2902u
#define ENCRYPTED 1u

typedef enum att (*writer)(const uint8_t *data, uint32_t length);

struct attribute {
    uint16_t type;
    void (*read)(struct text *out);
    writer write;
    uint8_t flags;
    uint8_t properties; /* of a declaration, whose characteristic is the next row */
    uint16_t service;
};

static char name[NAME_MAX + 1] = MODEL;

static void read_name(struct text *out) { text_string(out, name); }
static void read_appearance(struct text *out) { text_u16(out, 0x0400); }
static void read_manufacturer(struct text *out) { text_string(out, MANUFACTURER); }
static void read_model(struct text *out) { text_string(out, MODEL); }
static void read_serial(struct text *out) { text_string(out, SERIAL); }
static void read_revision(struct text *out) { text_string(out, FIRMWARE_REVISION); }

static enum att write_name(const uint8_t *data, uint32_t length) {
    if (length > NAME_MAX) return ATT_INVALID_LENGTH;
    memcpy(name, data, length);
    name[length] = 0;
    return ATT_OK;
}

enum { READ = 0x02, WRITE = 0x08, NOTIFY = 0x10, INDICATE = 0x20 };
#define SERVICE(uuid) {.type = PRIMARY_SERVICE, .service = uuid}
#define DECLARED(bits) {.type = DECLARATION, .properties = bits}

static const struct attribute table[HANDLE_LAST] = {
    SERVICE(0x1800),
    DECLARED(READ | WRITE), {.type = 0x2A00, .read = read_name, .write = write_name},
    DECLARED(READ), {.type = 0x2A01, .read = read_appearance},
    SERVICE(0x1801),
    SERVICE(0x180A),
    DECLARED(READ), {.type = 0x2A29, .read = read_manufacturer},
    DECLARED(READ), {.type = 0x2A24, .read = read_model},
    DECLARED(READ), {.type = 0x2A25, .read = read_serial},
    DECLARED(READ), {.type = 0x2A26, .read = read_revision},
    SERVICE(0x1808),
    DECLARED(NOTIFY), {.type = 0x2A18},
    {.type = CCCD, .read = glucose_read_cccd, .write = glucose_write_cccd},
    DECLARED(READ), {.type = 0x2A51, .read = glucose_read_feature},
    DECLARED(WRITE | INDICATE), {.type = 0x2A52, .write = racp_write, .flags = ENCRYPTED},
    {.type = CCCD, .read = racp_read_cccd, .write = racp_write_cccd},
};

static const struct attribute *find(uint16_t handle) {
    return handle >= 1 && handle <= HANDLE_LAST ? &table[handle - 1] : 0;
}

uint16_t gatt_type(uint16_t handle) {
    const struct attribute *attribute = find(handle);
    return attribute ? attribute->type : 0;
}

uint16_t gatt_group_end(uint16_t handle) {
    while (handle < HANDLE_LAST && gatt_type(handle + 1) != PRIMARY_SERVICE) handle++;
    return handle == HANDLE_LAST ? 0xFFFF : handle;
}

static void read_declaration(uint16_t handle, struct text *out) {
    text_byte(out, find(handle)->properties);
    text_u16(out, handle + 1u);
    text_u16(out, gatt_type(handle + 1));
}

enum att gatt_read(uint16_t handle, struct text *out) {
    const struct attribute *attribute = find(handle);
    if (!attribute) return ATT_INVALID_HANDLE;
    if (attribute->type == PRIMARY_SERVICE) text_u16(out, attribute->service);
    else if (attribute->type == DECLARATION) read_declaration(handle, out);
    else if (attribute->read) attribute->read(out);
    else return ATT_READ_NOT_PERMITTED;
    return ATT_OK;
}

enum att gatt_write(uint16_t handle, const uint8_t *data, uint32_t length) {
    const struct attribute *attribute = find(handle);
    if (!attribute) return ATT_INVALID_HANDLE;
    if (!attribute->write) return ATT_WRITE_NOT_PERMITTED;
    if ((attribute->flags & ENCRYPTED) && !link_encrypted) return ATT_NOT_ENCRYPTED;
    return attribute->write(data, length);
}
