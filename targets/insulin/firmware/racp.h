/* Record access: report, count, delete, abort over any store of numbered records. */
#ifndef RACP_H
#define RACP_H

#include <stdint.h>

#include "att.h"
#include "text.h"

/* A store's records have consecutive numbers, `first` to `end` - 1, and keys that grow with them. */
struct records {
    uint16_t attribute;
    uint32_t (*first)(void);
    uint32_t (*end)(void);
    uint32_t (*key)(uint32_t number);
    /* 0 when it could not be sent now. */
    int (*send)(uint32_t number);
    /* The oldest `count` records go. */
    void (*drop)(uint32_t count);
};

enum racp_operation { RACP_REPORT, RACP_DELETE, RACP_ABORT, RACP_COUNT, RACP_OPERATIONS };
enum racp_operator { RACP_NULL, RACP_ALL, RACP_UNTIL, RACP_FROM, RACP_RANGE, RACP_FIRST, RACP_LAST, RACP_OPERATORS };
enum racp_outcome { RACP_SUCCESS, RACP_NO_RECORDS, RACP_BAD_OPERATOR, RACP_BAD_OPERAND, RACP_NOT_COMPLETED, RACP_FAILED };

struct racp_request {
    enum racp_operation operation;
    enum racp_operator select;
    uint32_t low, high;
};

/* A report that runs: how many records it is of, were stored when it began, and are sent. Records deleted so far. */
extern uint8_t report_running;
extern uint32_t report_matched, report_stored, report_sent, records_deleted;

typedef void racp_finished(enum racp_outcome outcome);

/* Runs a request; a report goes on in racp_task() and calls `finished` at its end. */
enum racp_outcome racp_run(const struct records *store, const struct racp_request *request, racp_finished *finished,
                           uint32_t *count, int *later);
int racp_busy(const struct records *store);
void racp_stop(void);
/* The time of the next record, or UINT64_MAX. */
uint64_t racp_due(void);
void racp_task(void);

#endif
