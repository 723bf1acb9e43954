/* The chip's random number generator. */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdint.h>

void random_init(void);
/* 0 when the generator is not ready in time. */
int random_word(uint32_t *word);

#endif
