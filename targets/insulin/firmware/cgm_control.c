/* The CGM specific operations control point: interval, calibration, alerts, session. */
#include "cgm_control.h"
#include "cgm.h"
#include "cgm_alerts.h"
#include "control.h"
#include "e2e.h"
#include "memory.h"
#include "profile.h"
#include "sfloat.h"
#include "table.h"

#define RESPONSE 28u
#define FASTEST 0xFFu
#define FIRST_ALERT 7u
#define LAST_ALERT 24u
#define CALIBRATION_LENGTH 10u
#define VALUE_LONGEST 32u

enum code { SUCCESS = 1, NOT_SUPPORTED, INVALID_OPERAND, NOT_COMPLETED, OUT_OF_RANGE };
enum opcode {
    SET_INTERVAL = 1, GET_INTERVAL, INTERVAL, SET_CALIBRATION, GET_CALIBRATION, CALIBRATION, RESET_ALERT = 25, START, STOP,
};

static uint8_t calibration[CALIBRATION_LENGTH];

static enum code set_interval(uint32_t minutes) {
    cgm_set_interval(minutes == FASTEST ? 1 : minutes);
    return SUCCESS;
}

static void keep_calibration(const uint8_t *record) {
    memcpy(calibration, record, sizeof calibration);
    calibration[6] = (uint8_t)++cgm_session->calibrations;
    calibration[7] = 0;
}

/* Glucose, time, type and location, next calibration, record number (ours), status. */
static __attribute__((noinline)) enum code set_calibration(const uint8_t *operand, uint32_t length) {
    uint8_t record[CALIBRATION_SIZE];
#ifndef FAULT_CALIBRATION
    if (length > sizeof record) return INVALID_OPERAND;
#endif
    memcpy(record, operand, length);
    int32_t glucose = sfloat_milli(load16(record)) / 1000;
    if (length != CALIBRATION_LENGTH) return INVALID_OPERAND;
    if (glucose < (int32_t)GLUCOSE_MIN || glucose > (int32_t)GLUCOSE_MAX) return OUT_OF_RANGE;
    if (!cgm_running) return NOT_COMPLETED;
    keep_calibration(record);
    return SUCCESS;
}

static enum code get_calibration(const uint8_t *operand, struct text *answer) {
    uint32_t wanted = load16(operand);
    if (!calibration[6] || (wanted != calibration[6] && wanted != 0xFFFF)) return OUT_OF_RANGE;
    text_byte(answer, CALIBRATION);
    text_bytes(answer, calibration, sizeof calibration);
    return SUCCESS;
}

static enum code get_interval(struct text *answer) {
    text_byte(answer, INTERVAL);
    text_byte(answer, cgm_interval);
    return SUCCESS;
}

/* Set, get and the answer to get come in threes. */
static enum code alert(uint32_t opcode, const uint8_t *operand, struct text *answer) {
    enum cgm_alert which = (opcode - FIRST_ALERT) / 3;
    uint32_t kind = (opcode - FIRST_ALERT) % 3;
    if (kind == 2) return NOT_SUPPORTED;
    if (kind == 0) return cgm_alert_set(which, load16(operand)) ? SUCCESS : OUT_OF_RANGE;
    text_byte(answer, (uint8_t)(opcode + 1));
    text_u16(answer, cgm_alert_get(which));
    return SUCCESS;
}

static uint32_t operand_length(uint32_t opcode) {
    if (opcode >= FIRST_ALERT && opcode <= LAST_ALERT) return (opcode - FIRST_ALERT) % 3 ? 0 : 2;
    if (opcode == SET_INTERVAL) return 1;
    if (opcode == SET_CALIBRATION) return CALIBRATION_LENGTH;
    return opcode == GET_CALIBRATION ? 2 : 0;
}

static enum code run(uint32_t opcode, const uint8_t *operand, uint32_t length, struct text *answer) {
    if (opcode == SET_CALIBRATION) return set_calibration(operand, length);
    if (length != operand_length(opcode)) return INVALID_OPERAND;
    if (opcode >= FIRST_ALERT && opcode <= LAST_ALERT) return alert(opcode, operand, answer);
    switch (opcode) {
        case SET_INTERVAL: return set_interval(operand[0]);
        case GET_INTERVAL: return get_interval(answer);
        case GET_CALIBRATION: return get_calibration(operand, answer);
        case RESET_ALERT: return SUCCESS;
        case START: return cgm_start() ? SUCCESS : NOT_COMPLETED;
        case STOP: return cgm_stop() ? SUCCESS : NOT_COMPLETED;
        default: return NOT_SUPPORTED;
    }
}

static void answer_code(struct text *answer, uint32_t opcode, enum code code) {
    answer->length = 0;
    text_byte(answer, RESPONSE);
    text_byte(answer, (uint8_t)opcode);
    text_byte(answer, (uint8_t)code);
}

enum att cgm_control_write(const uint8_t *data, uint32_t length) {
    uint8_t buffer[VALUE_LONGEST];
    struct text answer = {buffer, 0, sizeof buffer};
    enum att error = control_admit(ATTRIBUTE_CGM_CONTROL);
    if (error != ATT_OK) return error;
    if (length < 1) return ATT_INVALID_LENGTH;
    if (length < 3 || length == 1 + operand_length(data[0])) return ATT_CGM_MISSING_CRC;
    if (!e2e_intact(data, length)) return ATT_CGM_INVALID_CRC;
    control_accept();
    enum code code = run(data[0], data + 1, length - 3, &answer);
    if (code != SUCCESS || answer.length == 0) answer_code(&answer, data[0], code);
    e2e_close(&answer, 0);
    control_answer(ATTRIBUTE_CGM_CONTROL, &answer);
    return ATT_OK;
}
