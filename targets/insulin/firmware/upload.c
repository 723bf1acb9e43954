/* Uploads: all records are checked and gathered before the first one takes effect. */
#include "upload.h"
#include "log.h"
#include "login.h"
#include "memory.h"
#include "profile.h"
#include "settings.h"

#define HEAD 2u /* type, size */
#define TYPE_NAME 1u
#define TYPE_NOTE 2u

typedef int upload_sink(uint8_t type, const uint8_t *data, uint32_t size);

static int apply(uint8_t type, const uint8_t *data, uint32_t size);

static struct {
    uint8_t area[UPLOAD_SIZE];
    upload_sink *sink;
    uint32_t used;
} staging = {.sink = apply};

static int set_name(const uint8_t *data, uint32_t size) {
    if (size > NAME_MAX) return 0;
    memset(settings.name, 0, sizeof settings.name);
    memcpy(settings.name, data, size);
    settings.name_length = (uint8_t)size;
    settings_changed();
    return 1;
}

static int apply(uint8_t type, const uint8_t *data, uint32_t size) {
    if (type == TYPE_NAME) return set_name(data, size);
    if (type != TYPE_NOTE) return 0;
    log_add(LOG_UPLOAD, size);
    return 1;
}

static int fits(uint32_t size, uint32_t used) {
#ifdef FAULT_UPLOAD_RECORDS
    (void)used;
    return size + HEAD <= sizeof staging.area;
#else
    return used + HEAD + size <= sizeof staging.area;
#endif
}

/* 1 when the records fill the write exactly and the staging area holds them. */
static int well_formed(const uint8_t *data, uint32_t length) {
    uint32_t at = 0;
    while (at + HEAD <= length) {
        uint32_t size = data[at + 1];
#ifdef FAULT_RECORD_ZERO
        if (size == 0) continue; /* padding */
#else
        if (size == 0) return 0;
#endif
        if (!fits(size, at)) return 0;
        at += HEAD + size;
    }
    return at == length;
}

static __attribute__((noinline)) void gather(const uint8_t *data, uint32_t length) {
    memcpy(staging.area, data, length);
    staging.used = length;
}

enum att upload_write(const uint8_t *data, uint32_t length) {
    if (!login_authorized()) return ATT_INSUFFICIENT_AUTHORIZATION;
    if (length < HEAD || !well_formed(data, length)) return ATT_VALUE_NOT_ALLOWED;
    gather(data, length);
    for (uint32_t at = 0; at < staging.used; at += HEAD + staging.area[at + 1]) {
        if (!staging.sink(staging.area[at], staging.area + at + HEAD, staging.area[at + 1])) return ATT_VALUE_NOT_ALLOWED;
    }
    return ATT_OK;
}
