/* Alarm notifications: unsolicited frames to the session that subscribed. */
#include "notify.h"
#include "alarms.h"
#include "clock.h"
#include "commands.h"
#include "link.h"
#include "therapy.h"

#define NOTIFICATION 0xE0u
#define INTERVAL_MIN_MS 100u
#define INTERVAL_MAX_MS 60000u

static uint32_t mask, interval_ms, reported, last_ms;

void notify_unsubscribe(void) { mask = 0; }

enum status subscribe(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)length, (void)reply;
    uint32_t wanted = load16(body + 2);
    if (wanted < INTERVAL_MIN_MS || wanted > INTERVAL_MAX_MS) return STATUS_BAD_VALUE;
    mask = load16(body);
    interval_ms = wanted;
    reported = alarm_flags & mask;
    last_ms = clock_ms() - interval_ms;
    return STATUS_OK;
}

void notify_task(void) {
    uint32_t flags = alarm_flags & mask;
    if (mask == 0 || flags == reported || clock_ms() - last_ms < interval_ms) return;
    uint8_t body[3] = {(uint8_t)alarm_flags, (uint8_t)(alarm_flags >> 8), therapy_state};
    if (!link_send(0, NOTIFICATION, body, sizeof body)) return;
    reported = flags;
    last_ms = clock_ms();
}
