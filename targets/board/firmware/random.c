/* The chip's random number generator, with a bounded wait. */
#include "random.h"
#include "board.h"

void random_init(void) {
    RCC_AHB2ENR |= 1u << 6;
    RNG_CR = 1u << 2;
}

int random_word(uint32_t *word) {
    for (uint32_t patience = 100; patience; patience--) {
        if (!(RNG_SR & 1)) continue;
        *word = RNG_DR;
        return 1;
    }
    return 0;
}
