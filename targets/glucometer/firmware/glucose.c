/* Stored measurements and the record access control point (Glucose Service 1.0.1): report, abort, count. */
#include "glucose.h"
#include "clock.h"
#include "gatt.h"
#include "interrupts.h"
#include "profile.h"

enum opcode { REPORT = 1, ABORT = 3, COUNT = 4, COUNTED = 5, RESPONSE = 6 };
enum operator { ALL = 1, FROM = 3, FIRST = 5, LAST = 6 };
enum code { SUCCESS = 1, NO_OPCODE = 2, BAD_OPERATOR = 3, NO_OPERATOR = 4, BAD_OPERAND = 5, NO_RECORDS = 6 };
#define FILTER_SEQUENCE 1u
#define NOTIFY 1u
#define INDICATE 2u
#define FLAGS 0x02u /* concentration in kg/l, type and location follow */
#define KG_PER_L 0xB000u /* exponent -5 */
#define CAPILLARY_FINGER 0x11u

uint8_t report_running;
uint32_t records_sent;
static uint16_t mg_per_dl[RECORDS];
static uint16_t measurement_cccd, racp_cccd;
static uint32_t next_record, last_record;
static uint64_t next_us;
static uint8_t answer[4], answer_waiting;

void glucose_provision(void) {
    for (uint32_t i = 0; i < RECORDS; i++) mg_per_dl[i] = (uint16_t)(88u + i * 37u % 90u);
}

void glucose_reset(void) { measurement_cccd = racp_cccd = report_running = answer_waiting = 0; }

void glucose_read_feature(struct text *out) { text_u16(out, 0); }
void glucose_read_cccd(struct text *out) { text_u16(out, measurement_cccd); }
void racp_read_cccd(struct text *out) { text_u16(out, racp_cccd); }

static enum att write_cccd(uint16_t *cccd, uint16_t bit, const uint8_t *data, uint32_t length) {
    if (length != 2) return ATT_INVALID_LENGTH;
    *cccd = load16(data) & bit;
    return ATT_OK;
}

enum att glucose_write_cccd(const uint8_t *data, uint32_t length) {
    return write_cccd(&measurement_cccd, NOTIFY, data, length);
}

enum att racp_write_cccd(const uint8_t *data, uint32_t length) { return write_cccd(&racp_cccd, INDICATE, data, length); }

/* Taken at eight o'clock, one a day. */
static void measurement(struct text *out, uint32_t index) {
    text_byte(out, FLAGS);
    text_u16(out, index);
    text_bytes(out, "\xEA\x07\x0B", 3);
    text_byte(out, (uint8_t)(1 + index % 28));
    text_bytes(out, "\x08\0\0", 3);
    text_u16(out, KG_PER_L | mg_per_dl[index]);
    text_byte(out, CAPILLARY_FINGER);
}

/* Sent behind the response to the write, when the last indication is confirmed. */
static void say(uint8_t first, uint8_t third, uint8_t fourth) {
    answer[0] = first;
    answer[1] = 0;
    answer[2] = third;
    answer[3] = fourth;
    answer_waiting = 1;
}

static void respond(uint8_t opcode, enum code code) { say(RESPONSE, opcode, (uint8_t)code); }

static void send_record(uint32_t index) {
    uint8_t data[VALUE_MAX];
    struct text out = {data, 0, sizeof data};
    measurement(&out, index);
    if (measurement_cccd) att_notify(HANDLE_MEASUREMENT, data, out.length);
    records_sent++;
}

uint64_t glucose_due(void) { return report_running ? next_us : clock_us() + CONTROL_PERIOD_US; }

void glucose_task(void) {
    if (answer_waiting && att_indicate(HANDLE_RACP, answer, sizeof answer)) answer_waiting = 0;
    if (!report_running || clock_us() < next_us) return;
    next_us = clock_us() + REPORT_PERIOD_US;
    if (next_record <= last_record) {
        send_record(next_record++);
        return;
    }
    report_running = 0;
    respond(REPORT, SUCCESS);
    interrupted = 1;
}

/* Which records the operator and its operand mean. */
static enum code select(const uint8_t *data, uint32_t length, uint32_t *first, uint32_t *last) {
    *first = 0;
    *last = RECORDS - 1;
    if (length < 2) return BAD_OPERATOR;
    switch (data[1]) {
        case ALL: break;
        case FIRST: *last = 0; break;
        case LAST: *first = *last; break;
        case FROM:
            if (length != 5 || data[2] != FILTER_SEQUENCE) return BAD_OPERAND;
            *first = load16(data + 3);
            return *first < RECORDS ? SUCCESS : NO_RECORDS;
        default: return data[1] ? NO_OPERATOR : BAD_OPERATOR;
    }
    return length == 2 ? SUCCESS : BAD_OPERAND;
}

static void count(const uint8_t *data, uint32_t length) {
    uint32_t first, last;
    enum code code = select(data, length, &first, &last);
    if (code == SUCCESS) say(COUNTED, (uint8_t)(last - first + 1), 0);
    else if (code == NO_RECORDS) say(COUNTED, 0, 0);
    else respond(COUNT, code);
}

static void report(const uint8_t *data, uint32_t length) {
    enum code code = select(data, length, &next_record, &last_record);
    report_running = code == SUCCESS;
    next_us = clock_us();
    if (code != SUCCESS) respond(REPORT, code);
}

enum att racp_write(const uint8_t *data, uint32_t length) {
    if (!racp_cccd) return ATT_NOT_CONFIGURED;
    if (!length) return ATT_INVALID_LENGTH;
    if ((report_running || answer_waiting) && data[0] != ABORT) return ATT_IN_PROGRESS;
    switch (data[0]) {
        case REPORT: report(data, length); break;
        case COUNT: count(data, length); break;
        case ABORT: report_running = 0; respond(ABORT, SUCCESS); break;
        default: respond(data[0], NO_OPCODE);
    }
    return ATT_OK;
}
