/* The basal rate: a profile of 24 hours, and a temporary rate over it. */
#ifndef BASAL_H
#define BASAL_H

#include <stdint.h>

extern uint32_t temp_basal_mu_h, temp_basal_ms;

/* mU/h at this moment. */
uint32_t basal_rate(void);
/* 1 when `percent` of the basal rate, or this rate, was taken; 0 when it is above the limit. */
int temp_basal_relative(uint32_t percent, uint32_t minutes);
int temp_basal_absolute(uint32_t rate_mu_h, uint32_t minutes);
/* 0 when none runs. */
int temp_basal_cancel(void);
void temp_basal_end(void);
void temp_basal_advance(uint32_t passed_ms);
/* Time blocks of a profile come in order, `first` counted from 1; 0 when one does not fit. */
int basal_block(uint32_t first, uint32_t minutes, uint32_t rate_mu_h);
/* The profile takes effect; 0 when it does not fill a day. */
int basal_commit(void);

#endif
