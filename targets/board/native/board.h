/* The hot half of the machine: what Unicorn calls while firmware runs, without entering Python.
 *
 * A transcription of the Python machine beside it, which stays the reference: same cycles, same bytes, same order. What
 * is not known here (a peripheral without a kind, flash programming, faults, resets) is asked of Python. One
 * `struct board` is one machine. Times are cycles. */
#ifndef BOARD_H
#define BOARD_H
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define API __declspec(dllexport)
#else
#define API __attribute__((visibility("default")))
#endif

#define NEVER (UINT64_C(1) << 62)
enum { SOURCES = 128, EXCEPTIONS = 256, SET_WORDS = 9, ACTIVE = 64, WORDS = 8192, DEVICES = 96, PAGES = 1024 };
enum { USARTS = 8, TIMERS = 16, DMAS = 4, STREAMS = 8, PARTS = 16, ROUTES = 8, ADCS = 4, ADC_INPUTS = 19 };
enum { SIGNALS = 256 };
enum { BLOCK_BITS = 12 /* of flash, 4 KB each */, MORE = 8 /* regions of RAM besides */ };
enum { NMI = 2, HARD_FAULT = 3, SVC = 11, PENDSV = 14, SYSTICK = 15, IRQ0 = 16, THREAD_PRIORITY = 256 };
enum { NPRIV = 1, SPSEL = 2, FPCA = 4, SFPA = 8 };

/* Why a run came back to Python. */
enum ended { DONE, RESET, FAULT, HANG, LOCKUP, STACK_LIMIT, RAISED };
/* Which transcription a register bank has; PYTHON has none. The order is that of `_KINDS` in machine.py. */
enum kind { PYTHON, PLAIN, CLOCK, SYSTEM, CYCLES, WATCHDOG, TIMER, ADC, GPIO, EXTI, DMA, USART, PORT, TICK, KINDS };
/* The registers of a batch, in the order in which Python names them to Unicorn. */
enum { R0, R12 = 4, LR, PC, XPSR, SP, PRIMASK, BASEPRI, FAULTMASK, CONTROL, PSP, IPSR, S0, R4 = S0 + 17, REGISTERS = R4 + 8 };

#include "auto.h"

struct board;

struct usart { uint64_t ends; uint32_t count, chunk, divider; uint8_t status_read; };
struct timer { int64_t divisor, origin, checked; };
struct dma { uint32_t length[STREAMS]; };
struct adc { int32_t inputs[ADC_INPUTS]; };

/* All that decides what comes next, but for the emulator's context and RAM. Python sees what stands before `due`. */
struct state {
    uint64_t base, busy, next;
    int32_t sleeping, locked;
    uint64_t due[SOURCES];
    uint64_t pending[SET_WORDS], lines[SET_WORDS], enabled[SET_WORDS];
    int32_t priorities[EXCEPTIONS];
    uint32_t active[ACTIVE], active_count;
    uint64_t tick_origin;
    uint32_t dog_started, dog_unlocked;
    struct usart usarts[USARTS];
    struct timer timers[TIMERS];
    struct dma dmas[DMAS];
    struct adc adcs[ADCS];
    uint32_t sampled[SIGNALS], told;
    struct port_state ports[USARTS];
    struct tick_state ticks[TICKS];
    struct waiting waiting; /* big, and seldom used */
    uint32_t words[WORDS]; /* last: a snapshot copies what is used of it */
};

/* Who calls which source when its deadline has come. */
struct source { uint8_t kind, part; uint16_t device; };
/* A USART beside a DMA stream: where it is found from the other side. */
struct route { uint8_t device, stream, channel; };

struct device {
    enum kind kind;
    uint32_t base, words, slot, mask;
    uint32_t *registers;
    int32_t exceptions[PARTS], sources[STREAMS];
    struct route receivers[ROUTES], transmitters[ROUTES]; /* of a USART: its streams; of a DMA: its USARTs */
    uint32_t receiver_count, transmitter_count;
};

struct output { uint64_t cycle; uint32_t start, size; };
struct wire { /* of one USART: bytes on their way in, and what it has sent */
    uint8_t *incoming, *bytes;
    uint32_t incoming_start, incoming_size, bytes_used, bytes_size, output_count, output_size;
    uint32_t taken_back; /* outputs that Python has already, and which were none */
    struct output *outputs;
};
struct signal { uint32_t offset; int32_t size; uint32_t device, pin; }; /* size < 0: signed; 0: a pin */

/* What Python and C both look at between two calls; mirrored in library.py. */
struct shared {
    void *uc;
    uint8_t *ram, *flash;
    volatile uint64_t *counter, *limit;
    uint64_t hz, hang_budget, first_output;
    uint64_t work; /* instructions executed, of all lives */
    uint32_t ram_base, ram_size, flash_base, flash_size;
    int32_t guard; /* offset in RAM of the painted words, or -1 */
    int32_t running, reset, called, stale, failed, error, trap, stacking;
    int32_t emitted, samples_count, source_count, word_count;
    /* for a chip that nobody described; `feeding`: Python's ports have something for it */
    int32_t undescribed, banded, feeding, pausing, stepping;
    struct state state;
};

struct unicorn {
    int (*start)(void *, uint64_t, uint64_t, uint64_t, size_t);
    int (*stop)(void *);
    int (*read)(void *, int *, void **, int);
    int (*write)(void *, int *, void *const *, int);
    int (*restore)(void *, void *);
};
struct python {
    uint64_t (*read)(uint64_t address, uint32_t size);
    void (*write)(uint64_t address, uint32_t size, uint64_t value);
    void (*fire)(int32_t source);
    void (*before_code)(uint64_t pc);
    void (*request_reset)(void);
    void (*dividers)(void);
    void (*written)(uint32_t address, uint32_t old, uint32_t value);
};

struct sample { uint64_t cycle; uint32_t raw[]; };
struct region { struct board *board; uint64_t base; };

struct board {
    struct shared shared;
    struct unicorn unicorn;
    struct python python;
    int ids[REGISTERS];
    uint32_t values[REGISTERS];
    void *pointers[REGISTERS];
    struct source sources[SOURCES];
    struct device devices[DEVICES], *system;
    uint32_t device_count, slots[KINDS];
    struct { uint32_t page; uint16_t device; } pages[PAGES];
    struct wire wires[USARTS];
    struct device *usarts[USARTS];
    struct signal signals[SIGNALS];
    uint32_t signal_count, samples_size;
    uint8_t *samples;
    uint8_t *seen; /* blocks of flash whose code has run */
    struct region regions[16];
    uint32_t region_count;
    struct { uint32_t base, size; const uint8_t *bytes; } more[MORE];
    uint32_t more_count;
    struct automatic automatic;
};

/* time.c */
uint64_t board_now(const struct board *b);
void shorten(struct board *b, int64_t count);
void stop_after_instruction(struct board *b);
API void board_arm(struct board *b, int source, uint64_t cycle);
API void board_disarm(struct board *b, int source);
API uint64_t board_due(const struct board *b, int source);
API void board_fire(struct board *b);

/* nvic.c */
int in_set(const uint64_t *set, uint32_t number);
void put_in(uint64_t *set, uint32_t number);
void take_out(uint64_t *set, uint32_t number);
int priority_of(const struct board *b, int number);
API void board_pend(struct board *b, int number);
API void board_line(struct board *b, int number, int level);
API void board_enable(struct board *b, int number);
API int board_group(const struct board *b, int number);
API int board_running(const struct board *b);
API int board_candidate(const struct board *b);
API int board_masked(struct board *b, int number);
int masked_by(const struct board *b, int number);
API int board_takes(struct board *b, int number);

/* frames.c */
void read_registers(struct board *b, int first, int count);
void write_registers(struct board *b, int first, int count);
/* flash or RAM, or NULL outside both */
const uint8_t *memory_at(const struct board *b, uint32_t address, uint32_t size);
uint32_t memory_word(const struct board *b, uint32_t address);
API int board_enter(struct board *b, int number, uint32_t *address);
API int board_leave(struct board *b, uint32_t link);

/* asks Python: what it keeps is to be restored, and flash may have changed */
static inline void asked(struct board *b) { b->shared.called = b->shared.stale = 1; }

/* bus.c */
uint64_t bus_read(struct board *b, uint32_t address, uint32_t size);
void bus_write(struct board *b, uint32_t address, uint32_t size, uint32_t value);
void map_page(struct board *b, uint32_t page, uint32_t device);
API uint32_t board_device_read(struct board *b, int device, uint32_t offset);
API void board_device_write(struct board *b, int device, uint32_t offset, uint32_t value);

/* one register bank each */
uint32_t plain_read(const struct device *d, uint32_t offset);
void plain_write(struct device *d, uint32_t offset, uint32_t value);
uint32_t clock_read(const struct device *d, uint32_t offset);
void clock_write(struct board *b, struct device *d, uint32_t offset, uint32_t value);
uint32_t cycles_read(const struct board *b, const struct device *d, uint32_t offset);
void cycles_write(const struct board *b, struct device *d, uint32_t offset, uint32_t value);
void watchdog_write(struct board *b, struct device *d, uint32_t offset, uint32_t value);
void gpio_write(struct device *d, uint32_t offset, uint32_t value);
void exti_write(struct board *b, struct device *d, uint32_t offset, uint32_t value);
uint32_t adc_read(struct board *b, struct device *d, uint32_t offset);
void adc_write(struct board *b, struct device *d, uint32_t offset, uint32_t value);
uint32_t system_read(struct board *b, struct device *d, uint32_t offset);
void system_write(struct board *b, struct device *d, uint32_t offset, uint32_t value);
void system_tick(struct board *b, struct device *d);
int floating_kept(struct board *b);
uint32_t timer_read(struct board *b, struct device *d, uint32_t offset);
void timer_write(struct board *b, struct device *d, uint32_t offset, uint32_t value);
void timer_event(struct board *b, struct device *d);
uint32_t usart_read(struct board *b, struct device *d, uint32_t offset);
void usart_write(struct board *b, struct device *d, uint32_t offset, uint32_t value);
void usart_receive(struct board *b, struct device *d);
void usart_transmitted(struct board *b, struct device *d);
uint64_t usart_transmit_block(struct board *b, struct device *d, const uint8_t *data, uint32_t size);
int usart_sends_by_dma(const struct device *d);
uint32_t dma_room(const struct board *b, const struct device *d, int stream, uint32_t channel);
void dma_deliver(struct board *b, struct device *d, int stream, const uint8_t *data, uint32_t size);
void dma_request(struct board *b, struct device *d, int stream);
void dma_sent(struct board *b, struct device *d, int stream);
void dma_write(struct board *b, struct device *d, uint32_t offset, uint32_t value);

/* wire.c */
int make_room(struct wire *w, uint32_t count, uint32_t more);
int grow(void **at, uint32_t *size, uint32_t wanted, size_t each);
void emit(struct board *b, uint32_t slot, uint64_t cycle, const uint8_t *data, uint32_t size);

/* port.c */
API int board_feed_port(struct board *b, int port, const uint8_t *data, uint32_t size);
void port_arrived(struct board *b, uint32_t port);
void port_leaving(struct board *b, uint32_t port, int32_t exception);
void port_written(struct board *b, uint32_t port, uint32_t address, uint32_t old, uint32_t value);
void port_again(struct board *b, uint32_t port);
int64_t applied(const struct gate *gates, uint32_t count, uint32_t address, int64_t value, int there, int *any);
int port_receiving(const struct board *b, uint32_t port);
int port_offering(const struct board *b, uint32_t port);
uint32_t port_left(struct board *b, uint32_t port);
void port_send(struct board *b, uint32_t port, uint32_t value);
uint32_t port_take(struct board *b, uint32_t port);
int64_t port_view(struct board *b, uint32_t port, uint32_t address, int64_t value, int tried);
int is_active(const struct state *s, uint32_t number);

/* framed.c */
void framed_fed(struct board *b, uint32_t port);
int framed_shows(struct board *b, uint32_t port);
void framed_sent(struct board *b, uint32_t port, uint8_t byte);
int64_t framed_view(const struct board *b, uint32_t port, uint32_t shown, uint32_t address, int64_t value);
void framed_left(struct board *b, uint32_t port, int gave, uint32_t shown);
void framed_took(struct board *b, uint32_t port, int handling);
uint32_t asked_take(struct board *b, uint32_t port);
void asked_fed(struct board *b, uint32_t port);

/* polling.c */
int learn(struct unknown *u, uint32_t number, int64_t value);
int64_t polled(struct board *b, uint32_t code, uint32_t address, uint32_t size, int *tried);
void got_on(struct board *b, uint32_t place);
void wrote(struct unknown *u, uint32_t bank);
API void board_polling_forget(struct board *b);

/* unknown.c */
int no_memory(struct board *b);
struct site *site_at(struct board *b, uint32_t code, uint32_t address, uint32_t *number);
int is_written(struct board *b, uint32_t address);
int is_new_place(struct board *b, uint32_t place);
uint64_t unknown_read(struct board *b, uint32_t address, uint32_t size);
void unknown_write(struct board *b, uint32_t address, uint32_t size, uint32_t value);
size_t unknown_size(const struct unknown *u);
void unknown_save(const struct unknown *u, uint8_t *to);
int unknown_restore(struct unknown *u, const uint8_t *from);
void unknown_delete(struct unknown *u);

/* experiment.c */
int forced_value(struct board *b, uint32_t address, int64_t *value);
void note_access(struct board *b, int write, uint32_t address, uint32_t size, uint32_t value);
void note_dry(struct board *b, uint32_t code, uint32_t address);
void trials_delete(struct trials *t);

/* automatic.c */
int offering(const struct board *b);
int feeding(const struct board *b);
void tick_raise(struct board *b, uint32_t tick);
void handler_leaves(struct board *b, uint32_t exception);
int64_t rest_limit(const struct board *b);
int64_t masked_slice(const struct board *b);
void input_taken(struct board *b);
enum ended look_for_rest(struct board *b, int slept);
enum ended slice(struct board *b, uint32_t pc, int64_t limit);
API void board_forget_loop(struct board *b);
uint32_t half_word(const struct board *b, uint32_t address);
API uint32_t board_held(struct board *b, uint32_t address);

/* sampler.c */
API void board_sample(struct board *b);
#endif
