/* The settings in flash: records one behind the other, the last valid one counts; the sector is erased when full. */
#include "settings.h"
#include "board.h"
#include "console.h"
#include "crc.h"
#include "flash.h"
#include "login.h"
#include "memory.h"

#define RECORD_VALID 0x53455449u
#define RECORD_VOID 0u
#define ERASED 0xFFFFFFFFu

struct record {
    uint32_t mark;
    struct settings settings;
    uint32_t crc;
};

#define RECORDS (SECTOR_SIZE / sizeof(struct record))

struct settings settings;
uint8_t storage_failed;
uint32_t configuration_checksum;
static uint32_t next_record;
static uint8_t save_wanted;

static const struct record *record_at(uint32_t index) {
    return (const struct record *)(uintptr_t)(SETTINGS_ADDRESS + index * sizeof(struct record));
}

static uint32_t record_crc(const struct record *record) {
    return crc16((const uint8_t *)&record->settings, sizeof record->settings);
}

static void update_checksum(void) {
    struct settings configuration;
    memcpy(&configuration, &settings, sizeof configuration);
    configuration.boots = configuration.writes = 0;
    uint16_t crc = crc16((const uint8_t *)&configuration, sizeof configuration);
    configuration_checksum = (uint32_t)crc << 16 | crc16_next(crc, settings.name, NAME_MAX);
}

static void save(void) {
    static struct record record;
    memcpy(&record.settings, &settings, sizeof settings);
    record.mark = RECORD_VALID;
    record.crc = record_crc(&record);
    if (next_record >= RECORDS) {
        flash_erase(SETTINGS_SECTOR);
        next_record = 0;
    }
    storage_failed = !flash_write((uint32_t)(uintptr_t)record_at(next_record), &record, sizeof record);
    next_record = storage_failed ? RECORDS : next_record + 1;
}

static int load_last_valid(void) {
    for (uint32_t index = next_record; index-- > 0;) {
        const struct record *record = record_at(index);
        if (record->mark != RECORD_VALID || record->crc != record_crc(record)) continue;
        memcpy(&settings, &record->settings, sizeof settings);
        return 1;
    }
    return 0;
}

static void take_defaults(void) {
    memset(&settings, 0, sizeof settings);
    settings.max_bolus = BOLUS_DEFAULT;
    settings.max_basal = 500;
    settings.alert_low = 70;
    settings.alert_high = 250;
    settings.volume = settings.brightness = 5;
    settings.name_length = 5;
    memcpy(settings.name, "PUMP7", 5);
    for (uint32_t hour = 0; hour < HOURS; hour++) settings.basal[hour] = BASAL_DEFAULT;
    login_take_pin((const uint8_t *)DEFAULT_PIN, PIN_MAX);
}

void settings_load(void) {
    for (next_record = 0; next_record < RECORDS && record_at(next_record)->mark != ERASED;) next_record++;
    if (!load_last_valid()) take_defaults();
    settings.boots++;
    update_checksum();
    save_wanted = 1;
}

#ifdef FAULT_SETTINGS_PANIC
/* The old record is voided at once, so that a power cut never brings it back. */
static void void_records(void) {
    const uint32_t none = RECORD_VOID;
    for (uint32_t index = 0; index < next_record; index++) {
        if (record_at(index)->mark == RECORD_VALID) flash_write((uint32_t)(uintptr_t)record_at(index), &none, 4);
    }
}

static void begin_save(void) {
    if (save_wanted) {
        console_print("panic: settings: save in progress");
        system_reset();
    }
    void_records();
    save_wanted = 1;
}
#else
static void begin_save(void) { save_wanted = 1; }
#endif

void settings_changed(void) {
    settings.writes++;
    update_checksum();
    begin_save();
}

void settings_task(void) {
    if (!save_wanted) return;
    save_wanted = 0;
    save();
}
