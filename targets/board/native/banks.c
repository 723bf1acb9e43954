/* The small register banks: clock control, cycle counter, watchdog, pins, external interrupts, ADC. */
#include "board.h"

uint32_t plain_read(const struct device *d, uint32_t offset) {
    return offset >> 2 < d->words ? d->registers[offset >> 2] : 0;
}
void plain_write(struct device *d, uint32_t offset, uint32_t value) {
    if (offset >> 2 < d->words) d->registers[offset >> 2] = value;
}

/* -- clock control (RM0090 ch. 7) -------------------------------------------------------------------------------- */
enum { RCC_CR = 0x00, RCC_CFGR = 0x08, RCC_CSR = 0x74, ENABLES = 1 | 1 << 16 | 1 << 24, RMVF = 1 << 24 };

uint32_t clock_read(const struct device *d, uint32_t offset) {
    uint32_t value = plain_read(d, offset);
    if (offset == RCC_CR) return value | (value & ENABLES) << 1;
    if (offset == RCC_CFGR) return (value & ~UINT32_C(0xC)) | (value & 3) << 2;
    return value;
}

void clock_write(struct board *b, struct device *d, uint32_t offset, uint32_t value) {
    if (offset == RCC_CSR && value & RMVF) {
        d->registers[RCC_CSR >> 2] = 0;
        return;
    }
    plain_write(d, offset, value);
    if (offset == RCC_CFGR) b->python.dividers();
}

/* -- cycle counter ------------------------------------------------------------------------------------------------- */
enum { CYCCNT = 0x04 };

uint32_t cycles_read(const struct board *b, const struct device *d, uint32_t offset) {
    return offset == CYCCNT ? (uint32_t)board_now(b) - d->registers[1] : plain_read(d, offset);
}
void cycles_write(const struct board *b, struct device *d, uint32_t offset, uint32_t value) {
    plain_write(d, offset, offset == CYCCNT ? (uint32_t)board_now(b) - value : value);
}

/* -- independent watchdog (RM0090 ch. 21) -------------------------------------------------------------------------- */
enum { KR = 0x00, PR = 0x04, RELOAD = 0xAAAA, UNLOCK = 0x5555, START = 0xCCCC, LSI_HZ = 32000 };

static void watchdog_key(struct board *b, struct device *d, uint32_t key) {
    struct state *s = &b->shared.state;
    s->dog_unlocked = key == UNLOCK;
    s->dog_started |= key == START;
    if (!s->dog_started || (key != START && key != RELOAD)) return;
    uint32_t prescaler = d->registers[1] < 6 ? d->registers[1] : 6;
    uint64_t ticks = (uint64_t)(d->registers[2] + 1) * (UINT64_C(4) << prescaler);
    board_arm(b, d->sources[0], board_now(b) + ticks * b->shared.hz / LSI_HZ);
}

void watchdog_write(struct board *b, struct device *d, uint32_t offset, uint32_t value) {
    if (offset == KR) watchdog_key(b, d, value & 0xFFFF);
    else if (b->shared.state.dog_unlocked) plain_write(d, offset, value & (offset == PR ? 7 : 0xFFF));
}

/* -- pins and external interrupts (RM0090 ch. 8, 12) --------------------------------------------------------------- */
enum { IDR = 0x10, ODR = 0x14, BSRR = 0x18, IMR = 0, PENDING = 5, EXTI_PR = 0x14, SWIER = 0x10, LINES = 16 };

void gpio_write(struct device *d, uint32_t offset, uint32_t value) {
    uint32_t *output = &d->registers[ODR >> 2];
    if (offset == BSRR) *output = ((*output & ~(value >> 16)) | (value & 0xFFFF)) & 0xFFFF;
    else if (offset != IDR) plain_write(d, offset, value);
}

static void exti_update(struct board *b, struct device *d) {
    uint32_t active = d->registers[PENDING] & d->registers[IMR];
    for (int line = 0; line < LINES; line++) {
        int number = d->exceptions[line], level = 0, first = 1;
        for (int other = 0; other < LINES; other++)
            if (d->exceptions[other] == number) {
                level |= active >> other & 1;
                first &= other >= line;
            }
        if (first) board_line(b, number, level);
    }
}

void exti_write(struct board *b, struct device *d, uint32_t offset, uint32_t value) {
    if (offset == EXTI_PR) d->registers[PENDING] &= ~value;
    else if (offset == SWIER) d->registers[PENDING] |= value & d->registers[IMR];
    else plain_write(d, offset, value);
    exti_update(b, d);
}

/* -- analog-to-digital converter (RM0090 ch. 13) ------------------------------------------------------------------- */
enum { ADC_SR = 0x00, ADC_CR1 = 0x04, ADC_CR2 = 0x08, SQR3 = 0x34 >> 2, ADC_DR = 0x4C };
enum { EOC = 2, EOCIE = 1 << 5, ADON = 1, SWSTART = 1 << 30 };

static void adc_update(struct board *b, struct device *d) {
    board_line(b, d->exceptions[0], d->registers[0] & EOC && d->registers[ADC_CR1 >> 2] & EOCIE);
}

uint32_t adc_read(struct board *b, struct device *d, uint32_t offset) {
    if (offset != ADC_DR) return plain_read(d, offset);
    d->registers[0] &= ~(uint32_t)EOC;
    if (d->registers[ADC_CR1 >> 2] & EOCIE) adc_update(b, d);
    return d->registers[ADC_DR >> 2];
}

static void adc_convert(struct board *b, struct device *d) {
    uint32_t channel = d->registers[SQR3] & 31;
    d->registers[ADC_DR >> 2] = channel < ADC_INPUTS ? (uint32_t)b->shared.state.adcs[d->slot].inputs[channel] : 0;
    d->registers[0] |= EOC;
}

void adc_write(struct board *b, struct device *d, uint32_t offset, uint32_t value) {
    if (offset > ADC_CR2) {
        plain_write(d, offset, value);
        return;
    }
    if (offset == ADC_CR2 && value & SWSTART && value & ADON) {
        d->registers[ADC_CR2 >> 2] = value & ~(uint32_t)SWSTART;
        adc_convert(b, d);
    } else if (offset == ADC_SR) d->registers[0] &= value;
    else plain_write(d, offset, value);
    if (offset == ADC_CR1 || d->registers[ADC_CR1 >> 2] & EOCIE) adc_update(b, d);
}
