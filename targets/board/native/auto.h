/* A chip that nobody described: what the Python beside `targets/board/auto` does, for ports of single bytes, ticks,
 * registers without a model, and firmware that waits without sleeping. Included by board.h. */
#ifndef AUTO_H
#define AUTO_H

enum { BYTE_CYCLES = 700, TICKS = 16, PORT_GATES = 32, TICK_GATES = 32, ENABLERS = 24, SIGNAL_GATES = 64, RECENT = 8, ROLES = 96, VIEWS = 12 };
enum { ALONE = -1, UNTRIED = INT32_MIN }; /* of a site: it led nowhere, it was given nothing */
enum { LONGEST_LOOP = 300, LOOP_PLACES = 2 * LONGEST_LOOP };
enum role_of { NOBODY, A_PORT, A_TICK };
enum port_part { ITSELF, LEFT, AMOUNT };
enum port_kind { SINGLE, BLOCK, FRAMED, ASKED };
enum stage { REST, BEGINS, DATA, ENDS, READS, ANSWERS, CLOSES, STAGES };

struct gate { uint32_t address; uint8_t bit, ready; };

/* Received bytes go to memory, or those to be sent come from there: the registers that hold where, and how many. */
struct transfer { uint32_t pointer, count; };

/* One port: where its bytes are read and written, and how its handler sees them. */
struct port_plan {
    int32_t exception, sender, arrives, again; /* the last two are sources */
    uint32_t low, high, transmit, burst, watches;
    uint32_t gate_count, sending_count, status_count;
    struct gate gates[PORT_GATES], sending[PORT_GATES];
    struct { uint32_t address, mask; } status[PORT_GATES];
    struct transfer receives, sends;
    uint64_t byte_cycles, thinks; /* of a byte that goes to memory; before an answer is read */
    enum port_kind kind;
    uint32_t sends_blocks, signal_counts[STAGES];
    struct gate signals[STAGES][SIGNAL_GATES]; /* what is shown in each stage */
};
struct port_state {
    uint64_t taken;
    uint32_t offers, given, enabler, enabler_count, enablers[ENABLERS];
    uint32_t filled, amount, ahead, written; /* of those through memory */
    uint32_t stage, shown, answered, same;   /* of those with signals; `shown` is a stage, or REST */
    uint8_t last, ready, status, gave, took, touched, stalled, more, early, fill, asked, called;
};

struct tick_plan { int32_t exception, source; uint64_t period; uint32_t gate_count; struct gate gates[TICK_GATES]; };
struct tick_state { uint64_t raised; uint32_t due; };

/* Who answers for a register, and who sets bits of it, in their order. */
struct viewer { uint8_t of, number, part; };
struct role { uint32_t address; struct viewer reader, writer; uint32_t view_count; struct viewer views[VIEWS]; };

/* How the firmware waits; see `Waiting`. */
struct waiting {
    uint64_t taken, head;
    int32_t spun, polled, quiet, trusted;
    uint32_t rests, round, place_count;
    uint32_t places[LOOP_PLACES]; /* of the loop that was proven, in order */
};

/* How often it was looked for a loop in vain; see `LoopProof`. */
struct proof { uint32_t last, known; int32_t skip, left; uint8_t *ram; };

/* A place in the code that reads a register, and what it is given there; see `Polling`. */
struct site {
    uint32_t code, address;
    int64_t value, base, known;
    int32_t trial, lead;
    uint8_t learned, based, waits, was_known;
};
struct cell { uint32_t address, value; uint8_t written; };
struct table { uint32_t *slots, room, used; }; /* of numbers from 1, by a hash; 0: free */

/* All that changes, behind which a snapshot copies what is used of the arrays. */
struct learning { uint32_t site_count, cell_count, place_count, learned_count, recent_count, recent[RECENT], trying, dry; };
struct unknown {
    struct learning now;
    struct site *sites;
    struct cell *cells;
    uint32_t *places, *learned; /* numbers of sites, in the order in which dict would have them */
    uint32_t site_room, cell_room, place_room, learned_room;
    struct table by_site, by_cell, by_place;
    struct site *known; /* what each reset begins with */
    uint32_t known_count;
};

/* What experiments want of registers, and what they see; DRY: places that are remembered. */
enum { FORCED = 64, FORCED_VALUES = 32, DRY = 1024 };
struct forced { uint32_t address, count, at; int64_t values[FORCED_VALUES]; };
struct access { uint32_t write, code, address, size, value, handler; };
struct trials {
    struct forced forced[FORCED];
    struct access *log;
    struct { uint32_t code, address; } dry[DRY];
    uint32_t forced_count, logged, log_room, most, dry_count;
    int32_t unresolved, watched;
};

struct sorted { uint32_t *addresses, count; };

struct automatic { /* what does not change while firmware runs */
    struct port_plan ports[USARTS];
    struct tick_plan ticks[TICKS];
    struct role roles[ROLES];
    uint32_t port_count, tick_count, role_count;
    uint64_t filter;
    struct sorted spin;
    struct proof proof;
    struct unknown unknown;
    struct trials trials;
};
#endif
