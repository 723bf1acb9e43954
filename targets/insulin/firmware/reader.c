/* The status reader control point: what is delivered now and was delivered so far. */
#include "reader.h"
#include "basal.h"
#include "bolus.h"
#include "control.h"
#include "delivery.h"
#include "e2e.h"
#include "idd_status.h"
#include "profile.h"
#include "response.h"
#include "sfloat.h"
#include "table.h"

#define RESPONSE_CODE 0x0303u
#define REQUESTS (sizeof requests / sizeof requests[0])
#define TBR_RUNS 1u
#define VALUE_PROGRAMMED 0x0Fu
#define VALUE_REMAINING 0x33u
#define VALUE_DELIVERED 0x3Cu

typedef enum response reader_handler(const uint8_t *operand, struct text *answer);

static enum response reset_status(const uint8_t *operand, struct text *answer) {
    (void)answer;
    idd_status_reset(load16(operand));
    return RESPONSE_SUCCESS;
}

static enum response active_boluses(const uint8_t *operand, struct text *answer) {
    (void)operand;
    uint16_t ids[BOLUSES_MAX];
    uint32_t count = bolus_active(ids);
    if (!count) return RESPONSE_NOT_APPLICABLE;
    text_byte(answer, (uint8_t)count);
    for (uint32_t i = 0; i < count; i++) text_u16(answer, ids[i]);
    return RESPONSE_SUCCESS;
}

static enum response bolus_delivery(const uint8_t *operand, struct text *answer) {
    const struct bolus *bolus = bolus_find(load16(operand));
    if (!bolus) return RESPONSE_NOT_APPLICABLE;
    uint32_t amount = bolus->amount_mu;
    if (operand[2] == VALUE_REMAINING) amount = bolus->remaining_mu;
    else if (operand[2] == VALUE_DELIVERED) amount -= bolus->remaining_mu;
    else if (operand[2] != VALUE_PROGRAMMED) return RESPONSE_OPERAND;
    text_byte(answer, 0);
    text_u16(answer, bolus->id);
    text_byte(answer, bolus->type);
    text_u16(answer, sfloat_from_milli(bolus->type == BOLUS_FAST ? amount : 0));
    text_u16(answer, sfloat_from_milli(bolus->type == BOLUS_FAST ? 0 : amount));
    return RESPONSE_SUCCESS;
}

static enum response basal_delivery(const uint8_t *operand, struct text *answer) {
    (void)operand;
    text_byte(answer, temp_basal_ms ? TBR_RUNS : 0);
    text_u16(answer, sfloat_from_milli(basal_rate_mu_h));
    if (temp_basal_ms) text_u16(answer, temp_basal_ms / 60000u);
    return RESPONSE_SUCCESS;
}

static enum response delivered(const uint8_t *operand, struct text *answer) {
    (void)operand;
    text_u32(answer, bolus_delivered_mu);
    text_u32(answer, basal_delivered_mu);
    return RESPONSE_SUCCESS;
}

static const struct {
    uint16_t opcode, answer;
    uint8_t operand;
    reader_handler *handler;
} requests[] = {
    {0x030C, 0, 2, reset_status},
    {0x0330, 0x033F, 0, active_boluses},
    {0x0356, 0x0359, 3, bolus_delivery},
    {0x0365, 0x036A, 0, basal_delivery},
    {0x03C0, 0x03CF, 0, delivered},
};

static enum response run(const uint8_t *data, uint32_t length, struct text *answer) {
    for (uint32_t i = 0; i < REQUESTS; i++) {
        if (requests[i].opcode != load16(data)) continue;
        text_u16(answer, requests[i].answer);
        return length - 2 == requests[i].operand ? requests[i].handler(data + 2, answer) : RESPONSE_OPERAND;
    }
    return RESPONSE_OPCODE;
}

static void execute(const uint8_t *data, uint32_t length) {
    uint8_t buffer[32];
    struct text answer = {buffer, 0, sizeof buffer};
    enum response response = run(data, length, &answer);
    if (response != RESPONSE_SUCCESS || load16(buffer) == 0) {
        answer.length = 0;
        text_u16(&answer, RESPONSE_CODE);
        text_u16(&answer, load16(data));
        text_byte(&answer, (uint8_t)response);
    }
    e2e_close_counted(E2E_READER, &answer, 0);
    control_answer(ATTRIBUTE_IDD_READER, &answer);
}

enum att reader_write(const uint8_t *data, uint32_t length) {
    enum att error = control_admit(ATTRIBUTE_IDD_READER);
    if (error == ATT_OK) error = e2e_admit(E2E_READER, data, &length);
    if (error != ATT_OK) return error;
    if (length < 2) return ATT_INVALID_LENGTH;
    control_accept();
    execute(data, length);
    return ATT_OK;
}
