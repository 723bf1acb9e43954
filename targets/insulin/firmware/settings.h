/* The settings: checked, saved in flash by the control task, kept over a restart. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdint.h>

#include "att.h"
#include "profile.h"
#include "text.h"

#define HOURS 24u

struct bond {
    uint8_t address[6], key[16];
};

struct settings {
    uint16_t max_bolus, max_basal;   /* 0.01 U, 0.01 U/h */
    uint16_t alert_low, alert_high;  /* mg/dl */
    uint16_t basal[HOURS];           /* 0.01 U/h */
    uint8_t volume, brightness, name_length;
    uint8_t name[NAME_MAX];
    uint8_t login_key[16];
#ifdef FAULT_PIN_READABLE
    char pin[PIN_MAX];
#endif
    uint8_t bond_count;
    struct bond bonds[BONDS_MAX];
    uint16_t boots, writes;
};

extern struct settings settings;
extern uint8_t storage_failed;
extern uint32_t configuration_checksum;

void settings_load(void);
/* An accepted change: counted, and saved by the next settings_task(). */
void settings_changed(void);
void settings_task(void);
enum att settings_read(struct text *value);
enum att settings_write(const uint8_t *data, uint32_t length);

#endif
