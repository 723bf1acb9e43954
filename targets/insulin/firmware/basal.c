/* The basal rate: profile by the hour, temporary rate, limits. */
#include "basal.h"
#include "clock.h"
#include "delivery.h"
#include "memory.h"
#include "profile.h"
#include "settings.h"
#include "therapy.h"

#define MINUTES_PER_DAY (24u * 60u)

uint32_t temp_basal_mu_h, temp_basal_ms;
static uint16_t staged[HOURS];
static uint32_t staged_blocks, staged_minutes;

static uint32_t profile_rate(void) { return settings.basal[calendar_seconds() / 3600 % HOURS] * 10u; }

uint32_t basal_rate(void) { return temp_basal_ms ? temp_basal_mu_h : profile_rate(); }

static uint32_t limit(void) { return settings.max_basal * 10u; }

static int allowed(uint32_t rate_mu_h) {
#ifdef FAULT_TEMP_BASAL
    uint16_t rate = (uint16_t)rate_mu_h;
#else
    uint32_t rate = rate_mu_h;
#endif
    return rate <= limit() && rate <= BASAL_CEILING_MU_H;
}

int temp_basal_absolute(uint32_t rate_mu_h, uint32_t minutes) {
    if (delivery_state != DELIVERY_RUNNING || !allowed(rate_mu_h)) return 0;
    temp_basal_mu_h = rate_mu_h;
    temp_basal_ms = minutes * 60000u;
    delivery_changes++;
    delivery_apply();
    return 1;
}

int temp_basal_relative(uint32_t percent, uint32_t minutes) {
    return temp_basal_absolute(profile_rate() * percent / 100u, minutes);
}

void temp_basal_end(void) {
    temp_basal_ms = temp_basal_mu_h = 0;
    delivery_apply();
}

int temp_basal_cancel(void) {
    if (!temp_basal_ms) return 0;
    temp_basal_end();
    delivery_changes++;
    return 1;
}

void temp_basal_advance(uint32_t passed_ms) {
    if (!temp_basal_ms) return;
    if (passed_ms >= temp_basal_ms) temp_basal_end();
    else temp_basal_ms -= passed_ms;
}

int basal_block(uint32_t first, uint32_t minutes, uint32_t rate_mu_h) {
    if (first == 1) staged_blocks = staged_minutes = 0;
    if (first != staged_blocks + 1 || minutes == 0 || minutes % 60) return 0;
    if (staged_minutes + minutes > MINUTES_PER_DAY || rate_mu_h > limit()) return 0;
    for (uint32_t hour = 0; hour < minutes / 60; hour++) staged[staged_minutes / 60 + hour] = (uint16_t)(rate_mu_h / 10);
    staged_minutes += minutes;
    staged_blocks++;
    return 1;
}

int basal_commit(void) {
    if (staged_minutes != MINUTES_PER_DAY) return 0;
    memcpy(settings.basal, staged, sizeof staged);
    staged_blocks = staged_minutes = 0;
    settings_changed();
    delivery_changes++;
    delivery_apply();
    return 1;
}
