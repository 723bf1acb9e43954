/* Boluses: the configured maximum holds for all active ones together. */
#include "bolus.h"
#include "alarms.h"
#include "delivery.h"
#include "history.h"
#include "memory.h"
#include "profile.h"
#include "settings.h"
#include "therapy.h"

uint32_t bolus_count, bolus_asked_mu, bolus_maximum_mu, bolus_remaining_mu;
static struct bolus boluses[BOLUSES_MAX];

static uint32_t maximum(void) { return settings.max_bolus * 10u; }

static int allowed(uint32_t amount_mu, int recommended) {
#ifdef FAULT_BOLUS_LIMIT
    /* The calculator in the phone has applied the limit to what it recommends. */
    if (recommended) return amount_mu > 0;
#else
    (void)recommended;
#endif
    return amount_mu > 0 && bolus_remaining_mu <= maximum() && amount_mu <= maximum() - bolus_remaining_mu;
}

static struct bolus *find(uint32_t id) {
    for (uint32_t i = 0; i < BOLUSES_MAX; i++) {
        if (boluses[i].id == id) return &boluses[i];
    }
    return 0;
}

const struct bolus *bolus_find(uint32_t id) { return id ? find(id) : 0; }

enum bolus_outcome bolus_begin(enum bolus_type type, uint32_t amount_mu, uint32_t minutes, int recommended) {
    struct bolus *bolus = find(0);
    if (delivery_state != DELIVERY_RUNNING) return BOLUS_NOT_RUNNING;
    if (!allowed(amount_mu, recommended)) {
        alarms_raise(ALARM_DOSE);
        return BOLUS_TOO_MUCH;
    }
    if (!bolus) return BOLUS_TOO_MANY;
    uint32_t rate = type == BOLUS_FAST ? FAST_BOLUS_MU_H : amount_mu * 60u / minutes;
    *bolus = (struct bolus){(uint16_t)++bolus_count, (uint8_t)type, amount_mu, amount_mu, rate, 0};
    bolus_asked_mu = amount_mu + bolus_remaining_mu;
    bolus_maximum_mu = maximum();
    bolus_remaining_mu += amount_mu;
    delivery_changes++;
    history_add(HISTORY_BOLUS, bolus_count, amount_mu / 10);
    delivery_apply();
    return BOLUS_ACCEPTED;
}

static void end(struct bolus *bolus) {
    bolus_remaining_mu -= bolus->remaining_mu;
    history_add(HISTORY_BOLUS_ENDED, bolus->id, (bolus->amount_mu - bolus->remaining_mu) / 10);
    memset(bolus, 0, sizeof *bolus);
    delivery_apply();
}

int bolus_cancel(uint32_t id) {
    struct bolus *bolus = id ? find(id) : 0;
    if (!bolus) return 0;
    end(bolus);
    delivery_changes++;
    return 1;
}

void bolus_cancel_all(void) {
    for (uint32_t i = 0; i < BOLUSES_MAX; i++) {
        if (boluses[i].id) end(&boluses[i]);
    }
}

uint32_t bolus_active(uint16_t ids[]) {
    uint32_t active = 0;
    for (uint32_t i = 0; i < BOLUSES_MAX; i++) {
        if (boluses[i].id) ids[active++] = boluses[i].id;
    }
    return active;
}

uint32_t bolus_rate(void) {
    uint32_t rate = 0;
    for (uint32_t i = 0; i < BOLUSES_MAX; i++) {
        if (boluses[i].id) rate += boluses[i].rate_mu_h;
    }
    return rate;
}

static uint32_t advance(struct bolus *bolus, uint32_t passed_ms) {
    uint32_t volume = delivery_volume(bolus->rate_mu_h, passed_ms, &bolus->rest);
    if (volume > bolus->remaining_mu) volume = bolus->remaining_mu;
    bolus->remaining_mu -= volume;
    bolus_remaining_mu -= volume;
    if (bolus->remaining_mu == 0) end(bolus);
    return volume;
}

uint32_t bolus_advance(uint32_t passed_ms) {
    uint32_t volume = 0;
    for (uint32_t i = 0; i < BOLUSES_MAX; i++) {
        if (boluses[i].id) volume += advance(&boluses[i], passed_ms);
    }
    return volume;
}
