/* The attribute table. What comes without an encrypted link stops here, where the table asks for one. */
#include "gatt.h"
#include "alarms.h"
#include "cgm.h"
#include "cgm_control.h"
#include "command.h"
#include "connection.h"
#include "identity.h"
#include "idd_status.h"
#include "login.h"
#include "patient.h"
#include "profile.h"
#include "reader.h"
#include "record_access.h"
#include "settings.h"
#include "table.h"
#include "upload.h"

typedef enum att read_handler(struct text *value);
typedef enum att write_handler(const uint8_t *data, uint32_t length);

enum security { OPEN, ENCRYPTED };

static const struct entry {
    uint16_t attribute;
    uint8_t security;
    read_handler *read;
    write_handler *write;
} entries[] = {
    {ATTRIBUTE_MANUFACTURER_NAME, OPEN, manufacturer_read, 0},
    {ATTRIBUTE_MODEL_NUMBER, OPEN, model_read, 0},
    {ATTRIBUTE_SERIAL_NUMBER, OPEN, serial_read, 0},
    {ATTRIBUTE_FIRMWARE_REVISION, OPEN, revision_read, 0},
    {ATTRIBUTE_BATTERY_LEVEL, OPEN, battery_read, 0},
    {ATTRIBUTE_CGM_FEATURE, OPEN, cgm_feature_read, 0},
    {ATTRIBUTE_CGM_STATUS, OPEN, cgm_status_read, 0},
    {ATTRIBUTE_CGM_START_TIME, ENCRYPTED, cgm_start_time_read, cgm_start_time_write},
    {ATTRIBUTE_CGM_RUN_TIME, OPEN, cgm_run_time_read, 0},
    {ATTRIBUTE_CGM_RACP, ENCRYPTED, 0, cgm_racp_write},
    {ATTRIBUTE_CGM_CONTROL, ENCRYPTED, 0, cgm_control_write},
    {ATTRIBUTE_IDD_STATUS, OPEN, idd_status_read, 0},
    {ATTRIBUTE_IDD_ANNUNCIATION, OPEN, annunciation_read, 0},
    {ATTRIBUTE_IDD_FEATURES, OPEN, idd_features_read, 0},
    {ATTRIBUTE_IDD_READER, ENCRYPTED, 0, reader_write},
    {ATTRIBUTE_IDD_COMMAND, ENCRYPTED, 0, command_write},
    {ATTRIBUTE_IDD_RACP, ENCRYPTED, 0, idd_racp_write},
    {ATTRIBUTE_LOGIN, OPEN, 0, login_write},
    {ATTRIBUTE_PUMP_STATUS, OPEN, pump_status_read, 0},
    {ATTRIBUTE_SETTINGS, ENCRYPTED, settings_read, settings_write},
    {ATTRIBUTE_UPLOAD, ENCRYPTED, 0, upload_write},
    {ATTRIBUTE_PATIENT, ENCRYPTED, patient_read, 0},
    {ATTRIBUTE_LOG, ENCRYPTED, log_value_read, 0},
};

static const struct entry *find(uint16_t attribute) {
    for (uint32_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        if (entries[i].attribute == attribute) return &entries[i];
    }
    return 0;
}

static enum att admit(const struct entry *entry) {
    if (!connected) return ATT_UNLIKELY;
    return entry->security == ENCRYPTED && !link_encrypted ? ATT_INSUFFICIENT_ENCRYPTION : ATT_OK;
}

enum att gatt_read(uint16_t attribute, struct text *value) {
    const struct entry *entry = find(attribute);
    if (!entry) return ATT_INVALID_HANDLE;
    if (!entry->read) return ATT_READ_NOT_PERMITTED;
    enum att error = admit(entry);
    return error == ATT_OK ? entry->read(value) : error;
}

enum att gatt_write(uint16_t attribute, const uint8_t *data, uint32_t length) {
    const struct entry *entry = find(attribute);
    if (!entry) return ATT_INVALID_HANDLE;
    if (!entry->write) return ATT_WRITE_NOT_PERMITTED;
    enum att error = admit(entry);
    if (error == ATT_OK && length > VALUE_MAX) error = ATT_INVALID_LENGTH;
    return error == ATT_OK ? entry->write(data, length) : error;
}
