/* ATT requests that write: at once, or put together from prepared parts of one value. */
#include "att.h"
#include "gatt.h"
#include "memory.h"
#include "profile.h"

#define PREPARE_HEAD 5u

/* How a part is answered. */
struct bearer {
    void (*repeat)(struct text *out, const uint8_t *data, uint32_t length);
};

static void repeat(struct text *out, const uint8_t *data, uint32_t length) { text_bytes(out, data, length); }

static const struct bearer bearer = {repeat};

/* The parts of one attribute's value; handle 0 while there are none. */
static struct {
    uint32_t length;
    uint16_t handle;
    uint8_t value[PREPARE_SIZE] __attribute__((aligned(4)));
    const struct bearer *bearer;
} queue = {.bearer = &bearer};

void att_write_reset(void) {
    queue.handle = 0;
    queue.length = 0;
    queue.bearer = &bearer;
}

enum att att_write(struct request *request, struct text *out) {
    (void)out;
    request->handle = load16(request->pdu + 1);
    return gatt_write(request->handle, request->pdu + 3, request->length - 3);
}

#ifdef FAULT_PREPARE_OFFSET
static int fits(uint32_t offset, uint32_t length) {
    (void)length;
    return offset <= PREPARE_SIZE;
}
#else
static int fits(uint32_t offset, uint32_t length) { return offset + length <= PREPARE_SIZE; }
#endif

static void keep(uint32_t offset, const uint8_t *data, uint32_t length) {
    memcpy(queue.value + offset, data, length);
    if (offset + length > queue.length) queue.length = offset + length;
}

/* Whether the value may be written is asked with the execution; parts of two values at once are not kept. */
enum att att_prepare_write(struct request *request, struct text *out) {
    uint32_t offset = load16(request->pdu + 3), length = request->length - PREPARE_HEAD;
    request->handle = load16(request->pdu + 1);
    if (!gatt_type(request->handle)) return ATT_INVALID_HANDLE;
    if (queue.handle && queue.handle != request->handle) return ATT_QUEUE_FULL;
    if (!fits(offset, length)) return ATT_QUEUE_FULL;
    queue.handle = request->handle;
    keep(offset, request->pdu + PREPARE_HEAD, length);
    queue.bearer->repeat(out, request->pdu + 1, request->length - 1);
    return ATT_OK;
}

enum att att_execute_write(struct request *request, struct text *out) {
    (void)out;
    uint16_t handle = queue.handle;
    uint32_t length = queue.length;
    att_write_reset();
    if (request->pdu[1] > 1) return ATT_INVALID_PDU;
    request->handle = handle;
    return handle && request->pdu[1] ? gatt_write(handle, queue.value, length) : ATT_OK;
}
