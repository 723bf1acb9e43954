/* Therapy commands of the maintenance link. */
#include "alarms.h"
#include "commands.h"
#include "log.h"
#include "profile.h"
#include "therapy.h"

enum status programme_rate(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)length, (void)reply;
    uint32_t rate = load32(body + 1);
    if (therapy_state == THERAPY_SELF_TEST) return STATUS_WRONG_STATE;
    if (!therapy_rate_allowed(body[0], rate)) return STATUS_OVER_LIMIT;
    therapy_propose_rate(body[0], rate);
    log_add(LOG_RATE, body[0]);
    return STATUS_OK;
}

enum status programme_volume(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)length, (void)reply;
    uint32_t volume = load32(body);
    if (therapy_state == THERAPY_SELF_TEST) return STATUS_WRONG_STATE;
    if (volume < VOLUME_MIN_UL || volume > VOLUME_MAX_UL) return STATUS_BAD_VALUE;
    therapy_propose_volume(volume);
    log_add(LOG_VOLUME, 0);
    return STATUS_OK;
}

enum status therapy_resume(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)body, (void)length, (void)reply;
    if (!therapy_start()) return STATUS_WRONG_STATE;
    log_add(LOG_START, 0);
    return STATUS_OK;
}

enum status therapy_pause(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)body, (void)length, (void)reply;
    return therapy_stop() ? STATUS_OK : STATUS_WRONG_STATE;
}

enum status silence_request(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)length, (void)reply;
    uint32_t seconds = load16(body);
#ifndef FAULT_SILENCE
    if (seconds < 1) return STATUS_BAD_VALUE;
#endif
    if (seconds > SILENCE_MAX_S) return STATUS_BAD_VALUE;
    return alarms_silence(seconds) ? STATUS_OK : STATUS_WRONG_STATE;
}

enum status self_test_request(const uint8_t *body, uint32_t length, struct text *reply) {
    (void)body, (void)length, (void)reply;
    if (therapy_state != THERAPY_IDLE) return STATUS_WRONG_STATE;
    therapy_self_test();
    return STATUS_OK;
}
