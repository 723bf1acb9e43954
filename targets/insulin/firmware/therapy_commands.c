/* Handlers of the command control point: operands in the service's formats, limits of the pump. */
#include "therapy_commands.h"
#include "alarms.h"
#include "basal.h"
#include "bolus.h"
#include "profile.h"
#include "settings.h"
#include "sfloat.h"
#include "therapy.h"

#define STATE_STOP 0x33u
#define STATE_PAUSE 0x3Cu
#define STATE_RUN 0x55u
#define TBR_ABSOLUTE 0x33u
#define TBR_RELATIVE 0x3Cu
#define PERCENT_MAX 1000u
#define BLOCK_LAST 1u
#define BLOCK_SECOND 2u
#define BLOCK_THIRD 4u
#define BOLUS_ACTIVATION 4u
#define ACTIVATION_RECOMMENDED 0x3Cu

static enum response applicable(int done) { return done ? RESPONSE_SUCCESS : RESPONSE_NOT_APPLICABLE; }

enum response set_therapy_state(const uint8_t *operand, uint32_t length, struct text *answer) {
    (void)length, (void)answer;
    switch (operand[0]) {
        case STATE_STOP: return applicable(therapy_stop());
        case STATE_PAUSE: return applicable(therapy_pause());
        case STATE_RUN: return applicable(therapy_run());
        default: return RESPONSE_OPERAND;
    }
}

enum response confirm_annunciation(const uint8_t *operand, uint32_t length, struct text *answer) {
    (void)length;
    uint32_t number = alarms_annunciation();
    if (number == 0 || number != load16(operand)) return RESPONSE_RANGE;
    if (!alarms_confirm()) return RESPONSE_NOT_APPLICABLE;
    text_u16(answer, number);
    return RESPONSE_SUCCESS;
}

static int take_blocks(const uint8_t *operand, uint32_t blocks) {
    for (uint32_t block = 0; block < blocks; block++) {
        int32_t rate = sfloat_milli(load16(operand + 5 + 4 * block));
        if (rate < 0 || !basal_block(operand[2] + block, load16(operand + 3 + 4 * block), (uint32_t)rate)) return 0;
    }
    return 1;
}

enum response write_basal_profile(const uint8_t *operand, uint32_t length, struct text *answer) {
    uint32_t flags = operand[0], blocks = 1 + !!(flags & BLOCK_SECOND) + !!(flags & BLOCK_THIRD);
    if (flags & ~(BLOCK_LAST | BLOCK_SECOND | BLOCK_THIRD) || length != 3 + 4 * blocks) return RESPONSE_OPERAND;
    if (operand[1] != 1 || !take_blocks(operand, blocks)) return RESPONSE_RANGE;
    if (flags & BLOCK_LAST && !basal_commit()) return RESPONSE_PLAUSIBILITY;
    text_byte(answer, flags & BLOCK_LAST);
    text_byte(answer, operand[1]);
    text_byte(answer, operand[2]);
    return RESPONSE_SUCCESS;
}

enum response set_temp_basal(const uint8_t *operand, uint32_t length, struct text *answer) {
    (void)length, (void)answer;
    int32_t value = sfloat_milli(load16(operand + 2));
    uint32_t minutes = load16(operand + 4);
    if (operand[0] || (operand[1] != TBR_ABSOLUTE && operand[1] != TBR_RELATIVE)) return RESPONSE_OPERAND;
    if (value < 0 || minutes < 1 || minutes > TEMP_BASAL_MAX) return RESPONSE_RANGE;
    if (delivery_state != DELIVERY_RUNNING) return RESPONSE_NOT_APPLICABLE;
    if (operand[1] == TBR_ABSOLUTE) return temp_basal_absolute((uint32_t)value, minutes) ? RESPONSE_SUCCESS : RESPONSE_RANGE;
    if (value > (int32_t)(PERCENT_MAX * 1000)) return RESPONSE_RANGE;
    return temp_basal_relative((uint32_t)value / 1000, minutes) ? RESPONSE_SUCCESS : RESPONSE_RANGE;
}

enum response cancel_temp_basal(const uint8_t *operand, uint32_t length, struct text *answer) {
    (void)operand, (void)length, (void)answer;
    return applicable(temp_basal_cancel());
}

static enum response outcome(enum bolus_outcome outcome, struct text *answer) {
    switch (outcome) {
        case BOLUS_ACCEPTED: text_u16(answer, bolus_count); return RESPONSE_SUCCESS;
        case BOLUS_NOT_RUNNING: return RESPONSE_NOT_APPLICABLE;
        case BOLUS_TOO_MANY: return RESPONSE_MAXIMUM_BOLUSES;
        default: return RESPONSE_RANGE;
    }
}

enum response set_bolus(const uint8_t *operand, uint32_t length, struct text *answer) {
    uint32_t flags = operand[0], type = operand[1], minutes = load16(operand + 6);
    int recommended = flags == BOLUS_ACTIVATION && length == 9 && operand[8] == ACTIVATION_RECOMMENDED;
    if (flags & ~BOLUS_ACTIVATION || length != (flags ? 9u : 8u)) return RESPONSE_OPERAND;
    if (type != BOLUS_FAST && type != BOLUS_EXTENDED) return RESPONSE_OPERAND;
    int32_t fast = sfloat_milli(load16(operand + 2)), extended = sfloat_milli(load16(operand + 4));
    int32_t wanted = type == BOLUS_FAST ? fast : extended, other = type == BOLUS_FAST ? extended : fast;
    if (wanted < (int32_t)BOLUS_MIN_MU || other != 0) return RESPONSE_RANGE;
    if (type == BOLUS_EXTENDED ? minutes < 1 || minutes > BOLUS_DURATION_MAX : minutes != 0) return RESPONSE_RANGE;
    return outcome(bolus_begin(type, (uint32_t)wanted, minutes, recommended), answer);
}

enum response cancel_bolus(const uint8_t *operand, uint32_t length, struct text *answer) {
    (void)length;
    if (!bolus_cancel(load16(operand))) return RESPONSE_NOT_APPLICABLE;
    text_u16(answer, load16(operand));
    return RESPONSE_SUCCESS;
}

enum response start_priming(const uint8_t *operand, uint32_t length, struct text *answer) {
    (void)length, (void)answer;
    int32_t amount = sfloat_milli(load16(operand));
    if (amount <= 0 || amount > (int32_t)PRIMING_MAX_MU) return RESPONSE_RANGE;
    return applicable(therapy_prime((uint32_t)amount));
}

enum response stop_priming(const uint8_t *operand, uint32_t length, struct text *answer) {
    (void)operand, (void)length, (void)answer;
    return applicable(therapy_stop_priming());
}

enum response get_max_bolus(const uint8_t *operand, uint32_t length, struct text *answer) {
    (void)operand, (void)length;
    text_u16(answer, sfloat_from_milli(settings.max_bolus * 10u));
    return RESPONSE_SUCCESS;
}

enum response set_max_bolus(const uint8_t *operand, uint32_t length, struct text *answer) {
    (void)length, (void)answer;
    int32_t amount = sfloat_milli(load16(operand));
    if (amount < 100 || amount > (int32_t)BOLUS_CEILING_MU) return RESPONSE_RANGE;
    settings.max_bolus = (uint16_t)((uint32_t)amount / 10);
    settings_changed();
    return RESPONSE_SUCCESS;
}
