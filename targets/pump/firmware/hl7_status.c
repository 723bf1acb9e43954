/* The observations of a status query's answer. */
#include "alarms.h"
#include "clock.h"
#include "hl7.h"
#include "profile.h"
#include "settings.h"
#include "therapy.h"
#include "update.h"

static void number(struct text *reply, uint32_t index, const char *name, uint32_t value) {
    text_print(reply, "OBX|%u|NM|%s||%u\r", index, name, value);
}

void hl7_status(struct text *reply) {
    text_print(reply, "OBX|1|ST|SERIAL||%s\r", SERIAL);
    number(reply, 2, "STATE", therapy_state);
    number(reply, 3, "PENDING", pending);
    number(reply, 4, "RATE", motor_rate_ul_h);
    number(reply, 5, "ALARMS", alarm_flags);
    number(reply, 6, "UPTIME", clock_ms());
    number(reply, 7, "BOOTS", settings.boots);
    number(reply, 8, "FIRMWARE", firmware_version);
    text_print(reply, "OBX|9|ST|CONFIG||%x\r", configuration_checksum);
    number(reply, 10, "WRITES", settings.writes);
}
