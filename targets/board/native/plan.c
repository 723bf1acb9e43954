/* What ports and ticks are, and which registers they answer for: told once, before firmware runs. */
#include "board.h"

/* `words`: first and last own register, where it sends, `burst`, `watches`, its kind, and cycles (see auto.h) of a byte
 * that goes to memory, and before an answer is read; the interrupt whose handler gives bytes out. */
API int board_port(struct board *b, int32_t exception, int32_t arrives, int32_t again, const uint32_t *words) {
    struct automatic *a = &b->automatic;
    if (a->port_count == USARTS) return -1;
    struct port_plan *plan = &a->ports[a->port_count];
    plan->exception = exception, plan->arrives = arrives, plan->again = again;
    plan->low = words[0], plan->high = words[1], plan->transmit = words[2];
    plan->burst = words[3], plan->watches = words[4], plan->kind = (enum port_kind)words[5];
    plan->byte_cycles = words[6], plan->thinks = words[7], plan->sender = (int32_t)words[8];
    b->sources[arrives] = (struct source){PORT, 0, (uint16_t)a->port_count};
    b->sources[again] = (struct source){PORT, 1, (uint16_t)a->port_count};
    return (int)a->port_count++;
}

static int add_gate(struct gate *gates, uint32_t *count, uint32_t most, struct gate gate) {
    if (*count == most) return -1;
    gates[(*count)++] = gate;
    return 0;
}

/* A bit of a port that says that a byte is there. */
API int board_port_gate(struct board *b, int port, uint32_t address, uint32_t bit, uint32_t ready) {
    struct port_plan *plan = &b->automatic.ports[port];
    return add_gate(plan->gates, &plan->gate_count, PORT_GATES, (struct gate){address, (uint8_t)bit, (uint8_t)ready});
}

/* One with which its handler gives the next byte out. */
API int board_port_sending(struct board *b, int port, uint32_t address, uint32_t bit, uint32_t ready) {
    struct port_plan *plan = &b->automatic.ports[port];
    return add_gate(plan->sending, &plan->sending_count, PORT_GATES, (struct gate){address, (uint8_t)bit, (uint8_t)ready});
}

/* One that is shown in a stage of a message. */
API int board_port_signal(struct board *b, int port, int stage, uint32_t address, uint32_t bit, uint32_t ready) {
    struct port_plan *plan = &b->automatic.ports[port];
    struct gate gate = {address, (uint8_t)bit, (uint8_t)ready};
    return add_gate(plan->signals[stage], &plan->signal_counts[stage], SIGNAL_GATES, gate);
}

/* From now on, other signals. */
API void board_port_shows_nothing(struct board *b, int port) {
    for (int stage = 0; stage < STAGES; stage++) b->automatic.ports[port].signal_counts[stage] = 0;
}

API int board_port_status(struct board *b, int port, uint32_t address, uint32_t mask) {
    struct port_plan *plan = &b->automatic.ports[port];
    if (plan->status_count == PORT_GATES) return -1;
    plan->status[plan->status_count].address = address, plan->status[plan->status_count].mask = mask;
    plan->status_count++;
    return 0;
}

/* Registers that hold where bytes in memory are: 0 those that are received, 1 those that are sent. */
API void board_port_transfer(struct board *b, int port, int of, uint32_t pointer, uint32_t count) {
    struct port_plan *plan = &b->automatic.ports[port];
    *(of ? &plan->sends : &plan->receives) = (struct transfer){pointer, count};
    plan->sends_blocks |= of;
}

API int board_tick(struct board *b, int32_t exception, int32_t source, uint64_t period) {
    struct automatic *a = &b->automatic;
    if (a->tick_count == TICKS) return -1;
    a->ticks[a->tick_count] = (struct tick_plan){.exception = exception, .source = source, .period = period};
    b->sources[source] = (struct source){TICK, 0, (uint16_t)a->tick_count};
    return (int)a->tick_count++;
}

API int board_tick_bit(struct board *b, int tick, uint32_t address, uint32_t bit, uint32_t ready) {
    struct tick_plan *plan = &b->automatic.ticks[tick];
    if (plan->gate_count == TICK_GATES) return -1;
    plan->gates[plan->gate_count++] = (struct gate){address, (uint8_t)bit, (uint8_t)ready};
    return 0;
}

/* -- who answers --------------------------------------------------------------------------------------------------- */
static struct role *role_at(struct automatic *a, uint32_t address) {
    for (uint32_t i = 0; i < a->role_count; i++)
        if (a->roles[i].address == address) return &a->roles[i];
    if (a->role_count == ROLES) return NULL;
    a->roles[a->role_count] = (struct role){.address = address};
    a->filter |= UINT64_C(1) << (address >> 2 & 63);
    return &a->roles[a->role_count++];
}

/* `what`: 0 it gives the register's value, 1 it takes what is written, 2 it sets bits (`part` is the gate of a tick, or what of a
 * port). */
API int board_answers(struct board *b, uint32_t address, int what, int of, int number, int part) {
    struct viewer by = {(uint8_t)of, (uint8_t)number, (uint8_t)part};
    struct role *role = role_at(&b->automatic, address);
    if (!role || role->view_count == VIEWS) return -1;
    if (what == 0) role->reader = by;
    else if (what == 1) role->writer = by;
    else role->views[role->view_count++] = by;
    return 0;
}
