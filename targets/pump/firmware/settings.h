/* The settings: checked, saved in flash by the control task, kept over a restart. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdint.h>

#include "library.h"
#include "profile.h"

struct settings {
    uint16_t occlusion_limit, air_limit, kvo_rate, bolus_spacing;
    uint8_t volume, brightness, name_length;
    uint8_t name[NAME_MAX];
    uint8_t reserved;
    uint16_t boots, writes;
    struct drug_library library;
};

extern struct settings settings;
extern uint8_t storage_failed;
extern uint32_t configuration_checksum;

void settings_load(void);
/* An accepted change: counted, and saved by the next settings_task(). */
void settings_changed(void);
void settings_task(void);

#endif
