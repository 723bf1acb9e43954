/* Identity and state (the probe), echo, memory statistics, patient record, log. */
#include "alarms.h"
#include "board.h"
#include "clock.h"
#include "commands.h"
#include "log.h"
#include "memory.h"
#include "patient.h"
#include "profile.h"
#include "session.h"
#include "settings.h"
#include "therapy.h"
#include "uart.h"
#include "update.h"

enum status status_read(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)body, (void)length;
    text_bytes(reply, MODEL "\0", 8);
    text_bytes(reply, SERIAL, 10);
    text_u16(reply, firmware_version);
    text_u32(reply, clock_ms());
    text_u16(reply, settings.boots);
    text_byte(reply, therapy_state);
    text_byte(reply, session_open);
    text_byte(reply, pending);
    text_u16(reply, alarm_flags);
    text_u32(reply, configuration_checksum);
    text_u16(reply, settings.writes);
    return STATUS_OK;
}

enum status echo(const uint8_t *body, uint32_t length, struct text *reply) {
    uint32_t count = load16(body);
    if (length - 2 > ECHO_SIZE) return STATUS_BAD_LENGTH;
#ifndef FAULT_ECHO
    if (count != length - 2) return STATUS_BAD_LENGTH;
#endif
    memcpy(diagnostic_area.echo, body + 2, length - 2);
    text_u16(reply, count);
    text_bytes(reply, diagnostic_area.echo, count);
    return STATUS_OK;
}

enum status memory_statistics(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)body, (void)length;
    text_u16(reply, (uint32_t)((uintptr_t)&__stack_top - (uintptr_t)&__stack_limit));
    text_u16(reply, UART_SLOTS * UART_SLOT_SIZE);
    return STATUS_OK;
}

enum status patient_read(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)length;
    if (body[0] < 1 || body[0] > READ_REASONS) return STATUS_BAD_VALUE;
    const struct patient *patient = &diagnostic_area.patient;
    text_byte(reply, (uint8_t)string_length(patient->identifier));
    text_string(reply, patient->identifier);
    text_byte(reply, (uint8_t)string_length(patient->name));
    text_string(reply, patient->name);
    text_u16(reply, patient->weight);
    log_add(LOG_PATIENT, body[0]);
    return STATUS_OK;
}

enum status log_read_request(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)length;
    if (body[2] > LOG_READ_MAX) return STATUS_BAD_VALUE;
    uint32_t at = reply->length;
    text_byte(reply, 0);
    reply->data[at] = (uint8_t)log_read(reply, load16(body), body[2]);
    return STATUS_OK;
}
