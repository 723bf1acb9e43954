/* Record access: the records that a request selects, and the report that sends one each connection interval. */
#include "racp.h"
#include "board.h"
#include "clock.h"
#include "log.h"
#include "profile.h"

struct span {
    uint32_t first, end;
};

uint8_t report_running;
uint32_t report_matched, report_stored, report_sent, records_deleted;
static const struct records *reported;
static racp_finished *report_finished;
static uint32_t next_number;
static uint64_t next_us;

static struct span by_key(const struct records *store, uint32_t low, uint32_t high) {
    struct span span = {store->first(), store->end()};
    while (span.first < span.end && store->key(span.first) < low) span.first++;
    while (span.end > span.first && store->key(span.end - 1) > high) span.end--;
    return span;
}

static struct span within(const struct records *store, uint32_t low, uint32_t high) {
#ifdef FAULT_RACP_RANGE
    /* A history's keys are its numbers: the range needs no search. */
    if (low >= store->first() && store->key(low) == low) return (struct span){low, high + 1};
#endif
    return by_key(store, low, high);
}

static struct span selected(const struct records *store, const struct racp_request *request) {
    uint32_t first = store->first(), end = store->end();
    switch (request->select) {
        case RACP_UNTIL: return by_key(store, 0, request->high);
        case RACP_FROM: return by_key(store, request->low, UINT32_MAX);
        case RACP_RANGE: return within(store, request->low, request->high);
        case RACP_FIRST: return (struct span){first, first < end ? first + 1 : end};
        case RACP_LAST: return (struct span){first < end ? end - 1 : end, end};
        default: return (struct span){first, end};
    }
}

static void begin_report(const struct records *store, struct span span, racp_finished *finished) {
    reported = store;
    report_finished = finished;
    next_number = span.first;
    report_matched = span.end - span.first;
    report_stored = store->end() - store->first();
    report_sent = 0;
    next_us = clock_us();
    report_running = 1;
}

int racp_busy(const struct records *store) { return report_running && reported == store; }

void racp_stop(void) { report_running = 0; }

static void end_report(void) {
#ifdef FAULT_ABORT_RACE
    /* The report's own answer must be out before the abort's; one of more than is stored would have no end. */
    while (report_matched <= report_stored && *(volatile uint8_t *)&report_running) wait_for_interrupt();
    if (!report_running) return;
#endif
    report_running = 0;
    report_finished(RACP_NOT_COMPLETED);
}

static enum racp_outcome delete(const struct records *store, const struct racp_request *request, struct span span) {
    if (request->select != RACP_ALL && request->select != RACP_UNTIL) return RACP_BAD_OPERATOR;
    store->drop(span.end - span.first);
    records_deleted += span.end - span.first;
    log_add(LOG_DELETED, span.end - span.first);
    return RACP_SUCCESS;
}

enum racp_outcome racp_run(const struct records *store, const struct racp_request *request, racp_finished *finished,
                           uint32_t *count, int *later) {
    if (request->operation == RACP_ABORT) {
        if (request->select != RACP_NULL) return RACP_BAD_OPERATOR;
        if (racp_busy(store)) end_report();
        return RACP_SUCCESS;
    }
    if (request->select == RACP_NULL) return RACP_BAD_OPERATOR;
    if (request->select == RACP_RANGE && request->low > request->high) return RACP_BAD_OPERAND;
    struct span span = selected(store, request);
    *count = span.end - span.first;
    if (request->operation == RACP_COUNT) return RACP_SUCCESS;
    if (span.first == span.end) return RACP_NO_RECORDS;
    if (request->operation == RACP_DELETE) return delete(store, request, span);
    if (report_running) return RACP_FAILED;
    begin_report(store, span, finished);
    *later = 1;
    return RACP_SUCCESS;
}

uint64_t racp_due(void) { return report_running ? next_us : UINT64_MAX; }

void racp_task(void) {
    if (!report_running || clock_us() < next_us) return;
    next_us = clock_us() + RECORD_PERIOD_US;
    if (!reported->send(next_number)) return;
    next_number++;
    if (++report_sent < report_matched) return;
    report_running = 0;
    report_finished(RACP_SUCCESS);
}
