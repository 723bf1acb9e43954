/* Annotations to the therapy history: a list of elements, each with its type and size. */
#include "commands.h"
#include "log.h"
#include "memory.h"

#define NOTES 16u
#define NOTE_SIZE 24u

static struct {
    uint8_t type, size;
    uint8_t value[NOTE_SIZE];
} notes[NOTES];
static uint32_t note_count;

static void keep(const uint8_t *element, uint32_t size) {
    uint32_t value_size = size - 2 < NOTE_SIZE ? size - 2 : NOTE_SIZE, slot = note_count++ % NOTES;
    notes[slot].type = element[0];
    notes[slot].size = (uint8_t)value_size;
    memcpy(notes[slot].value, element + 2, value_size);
}

/* 1 when the elements fill the body exactly. */
static int well_formed(const uint8_t *body, uint32_t length) {
    uint32_t at = 0;
    while (at + 2 <= length) {
#ifndef FAULT_HISTORY
        if (body[at + 1] < 2) return 0;
#endif
        at += body[at + 1];
    }
    return at == length;
}

enum status history_add(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)reply;
    if (!well_formed(body, length)) return STATUS_BAD_VALUE;
    for (uint32_t at = 0; at < length; at += body[at + 1]) {
        if (body[at + 1] >= 2) keep(body + at, body[at + 1]);
    }
    log_add(LOG_HISTORY, length);
    return STATUS_OK;
}
