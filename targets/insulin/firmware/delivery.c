/* The motor: its rate, and the insulin delivered. */
#include "delivery.h"
#include "basal.h"
#include "board.h"
#include "bolus.h"
#include "clock.h"
#include "profile.h"
#include "therapy.h"

#define MOTOR (1u << 0)
#define MS_PER_HOUR 3600000u
#define LONGEST_STEP_MS 1000u

uint32_t motor_rate_mu_h, basal_rate_mu_h, basal_delivered_mu, bolus_delivered_mu;
static uint32_t basal_rest, priming_rest, last_ms;

void delivery_apply(void) {
    int running = delivery_state == DELIVERY_RUNNING;
    basal_rate_mu_h = running ? basal_rate() : 0;
    motor_rate_mu_h = basal_rate_mu_h + (running ? bolus_rate() : 0);
    if (delivery_state == DELIVERY_PRIMING && priming_remaining_mu) motor_rate_mu_h = FAST_BOLUS_MU_H;
    GPIO_BSRR(GPIOB) = motor_rate_mu_h ? MOTOR : MOTOR << 16;
}

uint32_t delivery_volume(uint32_t rate, uint32_t passed_ms, uint32_t *rest) {
    uint64_t volume = (uint64_t)rate * passed_ms + *rest;
    uint32_t whole = 0;
    for (uint64_t unit = (uint64_t)MS_PER_HOUR << 20, step = 1u << 20; step; unit >>= 1, step >>= 1) {
        if (volume < unit) continue;
        volume -= unit;
        whole += (uint32_t)step;
    }
    *rest = (uint32_t)volume;
    return whole;
}

static uint32_t time_passed(void) {
    uint32_t passed = clock_ms() - last_ms;
    last_ms = clock_ms();
    return passed > LONGEST_STEP_MS ? LONGEST_STEP_MS : passed;
}

static void prime(uint32_t passed_ms) {
    uint32_t volume = delivery_volume(FAST_BOLUS_MU_H, passed_ms, &priming_rest);
    priming_remaining_mu -= volume < priming_remaining_mu ? volume : priming_remaining_mu;
}

void delivery_task(void) {
    uint32_t passed = time_passed();
    if (delivery_state == DELIVERY_PRIMING) prime(passed);
    if (delivery_state == DELIVERY_RUNNING) {
        basal_delivered_mu += delivery_volume(basal_rate_mu_h, passed, &basal_rest);
        bolus_delivered_mu += bolus_advance(passed);
        temp_basal_advance(passed);
    }
    delivery_apply();
}
