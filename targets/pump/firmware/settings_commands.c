/* Commands that read and write settings, device name and clock. */
#include "clock.h"
#include "commands.h"
#include "console.h"
#include "log.h"
#include "memory.h"
#include "profile.h"
#include "settings.h"

enum status settings_read(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)body, (void)length;
    text_u16(reply, settings.occlusion_limit);
    text_u16(reply, settings.air_limit);
    text_u16(reply, settings.kvo_rate);
    text_u16(reply, settings.bolus_spacing);
    text_byte(reply, settings.volume);
    text_byte(reply, settings.brightness);
    text_byte(reply, settings.name_length);
    text_bytes(reply, settings.name, settings.name_length);
    return STATUS_OK;
}

static int within(uint32_t value, uint32_t low, uint32_t high) { return value >= low && value <= high; }

enum status settings_write(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)length, (void)reply;
    uint16_t occlusion = load16(body), air = load16(body + 2), kvo = load16(body + 4), spacing = load16(body + 6);
    if (!within(occlusion, 20, 100) || !within(air, 50, 200) || !within(kvo, 100, 1000)) return STATUS_BAD_VALUE;
    if (!within(spacing, 60, 3600) || !within(body[8], 1, 10) || body[9] > 10) return STATUS_BAD_VALUE;
    settings.occlusion_limit = occlusion;
    settings.air_limit = air;
    settings.kvo_rate = kvo;
    settings.bolus_spacing = spacing;
    settings.volume = body[8];
    settings.brightness = body[9];
    settings_changed();
    log_add(LOG_SETTINGS, 0);
    return STATUS_OK;
}

/* The display line behind the name. */
static __attribute__((noinline)) void show_name(const uint8_t *name, uint32_t length) {
    char label[LABEL_SIZE];
    memcpy(label, name, length);
    label[length] = 0;
    console_print("name: %s", label);
}

enum status name_write(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)reply;
    uint32_t name_length = body[0];
    if (name_length != length - 1) return STATUS_BAD_LENGTH;
#ifdef FAULT_DEVICE_NAME
    show_name(body + 1, name_length);
    if (name_length < 1 || name_length > NAME_MAX) return STATUS_BAD_VALUE;
#else
    if (name_length < 1 || name_length > NAME_MAX) return STATUS_BAD_VALUE;
    show_name(body + 1, name_length);
#endif
    memset(settings.name, 0, sizeof settings.name);
    memcpy(settings.name, body + 1, name_length);
    settings.name_length = (uint8_t)name_length;
    settings_changed();
    log_add(LOG_NAME, 0);
    return STATUS_OK;
}

enum status clock_write(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)length, (void)reply;
    log_add(LOG_CLOCK, 0);
    calendar_set(load32(body));
    return STATUS_OK;
}
