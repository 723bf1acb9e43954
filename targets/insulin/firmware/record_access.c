/* Two record access control points over one machinery: each has its codes, operand width and protection. */
#include "record_access.h"
#include "cgm.h"
#include "control.h"
#include "e2e.h"
#include "history.h"
#include "login.h"
#include "racp.h"
#include "table.h"

#define UNKNOWN 0xFFu

/* One control point's codes, in the order of the enumerations in racp.h. */
struct dialect {
    const struct records *store;
    uint8_t operations[RACP_OPERATIONS], operators[RACP_OPERATORS];
    uint8_t count_answer, answer, filter, width;
    uint8_t codes[RACP_FAILED + 1], unknown_operation, unknown_operator, bad_filter;
    uint8_t protected;
};

static const struct dialect cgm = {
    &cgm_records, {1, 2, 3, 4}, {0, 1, 2, 3, 4, 5, 6}, 5, 6, 1, 2, {1, 6, 4, 5, 8, 8}, 2, 3, 9, 0,
};

static const struct dialect idd = {
    &history_records, {0x33, 0x3C, 0x55, 0x5A}, {0x0F, 0x33, 0x3C, 0x55, 0x5A, 0x66, 0x69}, 0x66, 0x0F, 0x0F, 4,
    {0xF0, 0x06, 0x04, 0x05, 0x08, 0x08}, 0x02, 0x03, 0x09, 1,
};

static const struct dialect *reporting;

static uint32_t position(const uint8_t *codes, uint32_t count, uint8_t code) {
    for (uint32_t i = 0; i < count; i++) {
        if (codes[i] == code) return i;
    }
    return UNKNOWN;
}

static void send(const struct dialect *dialect, struct text *answer) {
    if (dialect->protected) e2e_close_counted(E2E_RACP, answer, 0);
    control_answer(dialect->store->attribute, answer);
}

static void answer_code(const struct dialect *dialect, uint8_t operation, uint8_t code) {
    uint8_t buffer[16];
    struct text answer = {buffer, 0, sizeof buffer};
    text_byte(&answer, dialect->answer);
    text_byte(&answer, dialect->operators[RACP_NULL]);
    text_byte(&answer, operation);
    text_byte(&answer, code);
    send(dialect, &answer);
}

static void answer_count(const struct dialect *dialect, uint32_t count) {
    uint8_t buffer[16];
    struct text answer = {buffer, 0, sizeof buffer};
    text_byte(&answer, dialect->count_answer);
    text_byte(&answer, dialect->operators[RACP_NULL]);
    text_u16(&answer, count);
    if (dialect->width == 4) text_u16(&answer, count >> 16);
    send(dialect, &answer);
}

static void report_finished(enum racp_outcome outcome) {
    answer_code(reporting, reporting->operations[RACP_REPORT], reporting->codes[outcome]);
}

static uint32_t number(const struct dialect *dialect, const uint8_t *data) {
    return dialect->width == 4 ? load32(data) : load16(data);
}

/* The operand's length behind operation and operator, with its filter. */
static uint32_t operand_length(const struct dialect *dialect, uint32_t select) {
    if (select == RACP_RANGE) return 1u + 2u * dialect->width;
    return select == RACP_UNTIL || select == RACP_FROM ? 1u + dialect->width : 0;
}

static void take_operand(const struct dialect *dialect, const uint8_t *operand, struct racp_request *request) {
    request->low = request->high = 0;
    if (!operand_length(dialect, request->select)) return;
    request->low = request->high = number(dialect, operand + 1);
    if (request->select == RACP_RANGE) request->high = number(dialect, operand + 1 + dialect->width);
}

static void run(const struct dialect *dialect, const uint8_t *data, const struct racp_request *request) {
    uint32_t count = 0;
    int later = 0;
    if (request->operation == RACP_REPORT && !report_running) reporting = dialect;
    enum racp_outcome outcome = racp_run(dialect->store, request, report_finished, &count, &later);
    if (later) return;
    if (outcome == RACP_SUCCESS && request->operation == RACP_COUNT) answer_count(dialect, count);
    else answer_code(dialect, data[0], dialect->codes[outcome]);
}

static void execute(const struct dialect *dialect, const uint8_t *data, uint32_t length) {
    struct racp_request request;
    request.operation = position(dialect->operations, RACP_OPERATIONS, data[0]);
    request.select = position(dialect->operators, RACP_OPERATORS, data[1]);
    if ((uint32_t)request.operation == UNKNOWN) {
        answer_code(dialect, data[0], dialect->unknown_operation);
    } else if ((uint32_t)request.select == UNKNOWN) {
        answer_code(dialect, data[0], dialect->unknown_operator);
    } else if (length - 2 != operand_length(dialect, request.select)) {
        answer_code(dialect, data[0], dialect->codes[RACP_BAD_OPERAND]);
    } else if (length > 2 && data[2] != dialect->filter) {
        answer_code(dialect, data[0], dialect->bad_filter);
    } else {
        take_operand(dialect, data + 2, &request);
        run(dialect, data, &request);
    }
}

static int authorized(const struct dialect *dialect, uint8_t operation) {
#ifndef FAULT_HISTORY_DELETE
    if (operation == dialect->operations[RACP_DELETE]) return login_authorized();
#else
    (void)dialect, (void)operation;
#endif
    return 1;
}

/* Only an abort may interrupt a report. */
static enum att admit(const struct dialect *dialect, const uint8_t *data, uint32_t length) {
    if (racp_busy(dialect->store) && (length < 1 || data[0] != dialect->operations[RACP_ABORT])) {
        return ATT_PROCEDURE_IN_PROGRESS;
    }
    return control_admit(dialect->store->attribute);
}

static enum att write(const struct dialect *dialect, const uint8_t *data, uint32_t length) {
    enum att error = admit(dialect, data, length);
    if (error == ATT_OK && length >= 1 && !authorized(dialect, data[0])) error = ATT_INSUFFICIENT_AUTHORIZATION;
    if (error == ATT_OK && dialect->protected) error = e2e_admit(E2E_RACP, data, &length);
    if (error != ATT_OK) return error;
    if (length < 2) return ATT_INVALID_LENGTH;
    control_accept();
    execute(dialect, data, length);
    return ATT_OK;
}

enum att cgm_racp_write(const uint8_t *data, uint32_t length) { return write(&cgm, data, length); }
enum att idd_racp_write(const uint8_t *data, uint32_t length) { return write(&idd, data, length); }
