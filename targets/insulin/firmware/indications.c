/* The queue of indications; a peer that does not confirm in time loses its connection. */
#include "indications.h"
#include "clock.h"
#include "connection.h"
#include "mailbox.h"
#include "memory.h"
#include "profile.h"

#define QUEUE 10u
#define VALUE_SIZE 64u

struct indication {
    uint16_t attribute;
    uint8_t length, answer;
    uint8_t value[VALUE_SIZE];
};

uint32_t control_answered;
volatile uint8_t indication_waiting;
static struct indication queue[QUEUE];
static uint32_t first, count, sent_ms;

/* What does not fit the MTU is cut off (Core Vol 3 Part F 3.4.7). */
static int send(enum mailbox op, uint16_t attribute, const uint8_t *value, uint32_t length) {
    uint32_t longest = link_mtu - 3;
    return mailbox_send_value(op, attribute, value, length < longest ? length : longest);
}

static struct indication *at(uint32_t place) { return &queue[(first + place) % QUEUE]; }

int indications_queue(uint16_t attribute, const uint8_t *value, uint32_t length, int answer) {
    if (count == QUEUE || length > VALUE_SIZE || !connection_subscribed(attribute, SUBSCRIBED_INDICATE)) return 0;
    struct indication *entry = at(count++);
    entry->attribute = attribute;
    entry->length = (uint8_t)length;
    entry->answer = (uint8_t)answer;
    memcpy(entry->value, value, length);
    return 1;
}

int notification_send(uint16_t attribute, const uint8_t *value, uint32_t length) {
    if (!connection_subscribed(attribute, SUBSCRIBED_NOTIFY)) return 1;
    return send(MAILBOX_NOTIFY, attribute, value, length);
}

/* The entry that waits for its confirmation stays the first. */
void indications_confirmed(void) {
    if (!indication_waiting) return;
    indication_waiting = 0;
    first = (first + 1) % QUEUE;
    count--;
}

void indications_clear(void) {
    first = count = 0;
    indication_waiting = 0;
    control_answered = 0;
}

int indications_pending(uint16_t attribute) {
    for (uint32_t place = 0; place < count; place++) {
        if (at(place)->attribute == attribute) return 1;
    }
    return 0;
}

int indications_answer_unconfirmed(void) { return indication_waiting && at(0)->answer; }

static void send_first(void) {
    struct indication *entry = at(0);
    if (!send(MAILBOX_INDICATE, entry->attribute, entry->value, entry->length)) return;
    indication_waiting = 1;
    sent_ms = clock_ms();
    if (entry->answer) control_answered++;
}

void indications_task(void) {
    if (count && !indication_waiting) send_first();
    if (indication_waiting && clock_ms() - sent_ms >= INDICATION_TIMEOUT_MS) {
        sent_ms = clock_ms();
        connection_drop();
    }
}
