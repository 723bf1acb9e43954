/* The security event log: the latest entries in RAM, all in flash, written by the control task. */
#include "log.h"
#include "clock.h"
#include "flash.h"
#include "memory.h"
#include "profile.h"
#include "settings.h"

#define RECENT 64u
#define FLUSH_TICKS 20u
#define ERASED 0xFFFFFFFFu

struct entry {
    uint32_t time;
    uint8_t event, detail;
    uint16_t boot;
};

#define ENTRIES (SECTOR_SIZE / sizeof(struct entry))

static struct entry recent[RECENT];
static uint32_t written, added, in_flash, ticks;

static const struct entry *flash_entry(uint32_t index) {
    return (const struct entry *)(uintptr_t)(LOG_ADDRESS + index * sizeof(struct entry));
}

void log_load(void) {
    while (in_flash < ENTRIES && flash_entry(in_flash)->time != ERASED) in_flash++;
    uint32_t kept = in_flash < RECENT ? in_flash : RECENT;
    for (uint32_t i = 0; i < kept; i++) recent[added++ % RECENT] = *flash_entry(in_flash - kept + i);
    written = added;
}

void log_add(enum log_event event, uint32_t detail) {
    struct entry *entry = &recent[added++ % RECENT];
    entry->time = calendar_seconds();
    entry->event = (uint8_t)event;
    entry->detail = (uint8_t)detail;
    entry->boot = settings.boots;
}

uint32_t log_read(struct text *out, uint32_t count) {
    uint32_t kept = added < RECENT ? added : RECENT, done = 0;
    for (; done < count && done < kept; done++) {
        text_bytes(out, &recent[(added - 1 - done) % RECENT], sizeof(struct entry));
    }
    return done;
}

static int append(const struct entry *entry) {
    if (in_flash >= ENTRIES) {
        flash_erase(LOG_SECTOR);
        in_flash = 0;
    }
    return flash_write((uint32_t)(uintptr_t)flash_entry(in_flash++), entry, sizeof *entry);
}

/* In batches: at the latest after FLUSH_TICKS calls, so that a flood does not wear the flash out. */
void log_task(void) {
    if (added == written || (++ticks < FLUSH_TICKS && added - written < RECENT / 2)) return;
    ticks = 0;
    if (added - written > RECENT) written = added - RECENT;
    for (; written != added && !storage_failed; written++) {
        if (!append(&recent[written % RECENT])) storage_failed = 1;
    }
}
