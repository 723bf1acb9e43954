/* The drug library: limits by drug, uploaded in parts. */
#ifndef LIBRARY_H
#define LIBRARY_H

#include <stdint.h>

#include "profile.h"

struct drug {
    uint32_t concentration; /* ug/ml */
    uint32_t soft_rate, hard_rate; /* ul/h */
    uint32_t bolus_max; /* ul */
    char name[16];
};

struct drug_library {
    uint16_t version, entries;
    struct drug drugs[DRUGS_MAX];
};

extern uint32_t library_writes;

void library_defaults(struct drug_library *library);
const struct drug *library_drug(uint32_t index);
/* Lets go of an unfinished upload. */
void library_abandon(void);

#endif
