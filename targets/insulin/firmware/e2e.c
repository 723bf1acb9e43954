/* End-to-end protection. Counters run 1 to 255 and start anew with each connection. */
#include "e2e.h"
#include "command.h"
#include "control.h"
#include "memory.h"

#define TRAILER 3u /* counter, CRC */

uint32_t e2e_failures, e2e_dropped, counter_steps;
static uint8_t last_received[E2E_CHANNELS], last_sent[E2E_CHANNELS];

uint16_t e2e_crc(const uint8_t *data, uint32_t length) {
    uint32_t crc = 0xFFFF;
    for (; length; length--) {
        crc ^= *data++;
        for (uint32_t bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0x8408 : crc >> 1;
    }
    return (uint16_t)crc;
}

int e2e_intact(const uint8_t *data, uint32_t length) {
    uint16_t given = load16(data + length - 2);
    if (given == e2e_crc(data, length - 2)) return 1;
    e2e_failures++;
#ifdef FAULT_CRC_ZERO
    /* A collector without end-to-end protection leaves the field empty. */
    if (given == 0) return 1;
#endif
    e2e_dropped++;
    return 0;
}

static uint8_t after(uint8_t counter) { return counter == 255 ? 1 : counter + 1; }

static int repeats_bolus(enum e2e_channel channel, uint8_t counter, const uint8_t *data) {
#ifdef FAULT_BOLUS_REPLAY
    /* The answer may have been lost: the same request is answered again. */
    return channel == E2E_COMMAND && counter && counter == last_received[channel] && load16(data) == SET_BOLUS;
#else
    (void)channel, (void)counter, (void)data;
    return 0;
#endif
}

static void take_counter(enum e2e_channel channel, uint8_t counter) {
    if (channel == E2E_COMMAND && counter != last_received[channel]) counter_steps++;
    last_received[channel] = counter;
}

enum att e2e_admit(enum e2e_channel channel, const uint8_t *data, uint32_t *length) {
    if (*length < TRAILER) return ATT_INVALID_LENGTH;
    if (!e2e_intact(data, *length)) return ATT_IDD_INVALID_CRC;
    uint8_t counter = data[*length - TRAILER];
    if (counter != after(last_received[channel]) && !repeats_bolus(channel, counter, data)) {
        return ATT_IDD_INVALID_COUNTER;
    }
    take_counter(channel, counter);
    *length -= TRAILER;
    return ATT_OK;
}

void e2e_close(struct text *out, uint32_t start) { text_u16(out, e2e_crc(out->data + start, out->length - start)); }

void e2e_close_counted(enum e2e_channel channel, struct text *out, uint32_t start) {
    last_sent[channel] = after(last_sent[channel]);
    text_byte(out, last_sent[channel]);
    e2e_close(out, start);
}

void e2e_restart(void) {
    memset(last_received, 0, sizeof last_received);
    memset(last_sent, 0, sizeof last_sent);
    control_restart();
}
