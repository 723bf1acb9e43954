/* Exception entry and return: frames, stacks, floating-point context (ARM DDI 0403E, B1.5.6 to B1.5.8). */
#include "board.h"
#include <string.h>

enum { CCR = 0xD14 >> 2, VTOR = 0xD08 >> 2, FPCCR = 0xF34 >> 2, FPCAR = 0xF38 >> 2 };
enum { STKALIGN = 1 << 9, LSPACT = 1, LSPEN = 1 << 30, BASIC = 32, EXTENDED = 104, FLOATING_BYTES = 4 * 17 };
#define ASPEN (UINT32_C(1) << 31)
#define IT_BITS UINT32_C(0x0600FC00)
#define RETURN UINT32_C(0xFFFFFFE1)
enum { IS_BASIC = 1 << 4, IS_THREAD = 1 << 3, IS_PROCESS = 1 << 2, ALIGNED = 1 << 9, NUMBER = 0x1FF };

void read_registers(struct board *b, int first, int count) {
    b->unicorn.read(b->shared.uc, b->ids + first, b->pointers + first, count);
}
void write_registers(struct board *b, int first, int count) {
    b->unicorn.write(b->shared.uc, b->ids + first, b->pointers + first, count);
}
static void set_register(struct board *b, int which, uint32_t value) {
    b->values[which] = value;
    write_registers(b, which, 1);
}

const uint8_t *memory_at(const struct board *b, uint32_t address, uint32_t size) {
    const struct shared *s = &b->shared;
    uint64_t end = (uint64_t)address + size;
    if (address >= s->ram_base && end <= (uint64_t)s->ram_base + s->ram_size) return s->ram + (address - s->ram_base);
    if (address >= s->flash_base && end <= (uint64_t)s->flash_base + s->flash_size)
        return s->flash + (address - s->flash_base);
    for (uint32_t i = 0; i < b->more_count; i++)
        if (address >= b->more[i].base && end <= (uint64_t)b->more[i].base + b->more[i].size)
            return b->more[i].bytes + (address - b->more[i].base);
    return NULL;
}

uint32_t memory_word(const struct board *b, uint32_t address) {
    uint32_t word = 0;
    const uint8_t *from = memory_at(b, address, 4);
    if (from) memcpy(&word, from, 4);
    return word;
}

uint32_t half_word(const struct board *b, uint32_t address) {
    const uint8_t *from = memory_at(b, address & ~UINT32_C(1), 2);
    return from ? (uint32_t)from[0] | (uint32_t)from[1] << 8 : 0;
}

static uint8_t *frame_at(struct board *b, int64_t address, uint32_t size) {
    int64_t offset = address - b->shared.ram_base;
    return offset >= 0 && offset <= (int64_t)b->shared.ram_size - size ? b->shared.ram + offset : NULL;
}

static void keep_floating(struct board *b, uint32_t address) {
    uint32_t *registers = b->system->registers;
    if (!(registers[FPCCR] & LSPEN)) return;
    registers[FPCAR] = address;
    registers[FPCCR] |= LSPACT;
}

int floating_kept(struct board *b) {
    uint32_t *registers = b->system->registers, kept = registers[FPCCR] & LSPACT;
    registers[FPCCR] &= ~(uint32_t)LSPACT;
    return (int)kept;
}

/* Store the frame; returns its address, or 0 where it does not lie in RAM. */
static uint32_t push(struct board *b, uint32_t stack, int floating) {
    uint32_t size = floating ? EXTENDED : BASIC, words[8];
    int aligns = stack & 4 && (floating || b->system->registers[CCR] & STKALIGN);
    int64_t frame = (int64_t)stack - size - (aligns ? 4 : 0);
    uint8_t *to = frame_at(b, frame, size);
    if (!to) return 0;
    memcpy(words, b->values, sizeof words);
    words[6] &= ~UINT32_C(1);
    words[7] |= aligns ? ALIGNED : 0;
    memcpy(to, words, sizeof words);
    if (!floating) return (uint32_t)frame;
    read_registers(b, S0, 17);
    memcpy(to + BASIC, b->values + S0, FLOATING_BYTES);
    memset(to + BASIC + FLOATING_BYTES, 0, 4);
    floating_kept(b);
    keep_floating(b, (uint32_t)frame + BASIC);
    return (uint32_t)frame;
}

/* Clear SPSEL and FPCA; returns the stack pointer of the handler. Only privileged code may do it. */
static uint32_t leave_thread(struct board *b, int number, uint32_t frame, uint32_t control, int process) {
    if (control & FPCA && !(b->system->registers[FPCCR] & ASPEN)) floating_kept(b);
    if (process && control & NPRIV) {
        set_register(b, IPSR, (uint32_t)number);
        set_register(b, CONTROL, control & ~(uint32_t)NPRIV);
        set_register(b, IPSR, 0);
    }
    if (process) set_register(b, PSP, frame);
    set_register(b, CONTROL, control & NPRIV);
    if (!process) return frame;
    read_registers(b, SP, 1);
    return b->values[SP];
}

int board_enter(struct board *b, int number, uint32_t *address) {
    struct state *s = &b->shared.state;
    read_registers(b, R0, CONTROL + 1);
    uint32_t psr = b->values[XPSR], control = b->values[CONTROL], stack = b->values[SP] & ~UINT32_C(3);
    int handler = (psr & NUMBER) != 0, process = !handler && control & SPSEL;
    int floating = control & FPCA && b->system->registers[FPCCR] & ASPEN;
    uint32_t frame = push(b, stack, floating);
    if (!frame || s->active_count == ACTIVE) return -1;
    if (control & (SPSEL | FPCA)) frame = leave_thread(b, number, frame, control, process);
    take_out(s->pending, (uint32_t)number);
    s->active[s->active_count++] = (uint32_t)number;
    *address = memory_word(b, (b->system->registers[VTOR] & ~UINT32_C(0x7F)) + 4 * (uint32_t)number) & ~UINT32_C(1);
    b->values[LR] = RETURN | (floating ? 0 : IS_BASIC) | (handler ? 0 : IS_THREAD) | (process ? IS_PROCESS : 0);
    b->values[PC] = *address | 1;
    b->values[XPSR] = (psr & ~(IT_BITS | NUMBER)) | (uint32_t)number | 1 << 24;
    b->values[SP] = frame;
    write_registers(b, R0, SP + 1);
    return 0;
}

/* Load the frame's context unless it is still in the registers, because no instruction touched them. */
static void return_floating(struct board *b, const uint8_t *from, int used) {
    int kept = floating_kept(b);
    if (!from || (kept && !used)) return;
    memcpy(b->values + S0, from + BASIC, FLOATING_BYTES);
    write_registers(b, S0, 17);
}

/* Set CONTROL as the interrupted code had it. SPSEL moves in thread mode only, and by privileged code. */
static void return_control(struct board *b, uint32_t wanted, uint32_t control) {
    if (wanted & SPSEL) {
        set_register(b, CONTROL, control & ~(uint32_t)NPRIV);
        set_register(b, IPSR, 0);
    }
    set_register(b, CONTROL, wanted | (wanted & FPCA ? SFPA : 0));
}

int board_leave(struct board *b, uint32_t link) {
    struct state *s = &b->shared.state;
    uint32_t finished = s->active_count ? s->active[--s->active_count] : 0;
    if (in_set(s->lines, finished)) put_in(s->pending, finished);
    read_registers(b, R0, CONTROL + 1);
    uint32_t control = b->values[CONTROL], faultmask = b->values[FAULTMASK], stack = b->values[SP], words[8];
    int process = (link & IS_PROCESS) != 0, floating = !(link & IS_BASIC);
    if (process) read_registers(b, PSP, 1), stack = b->values[PSP];
    uint32_t size = floating ? EXTENDED : BASIC;
    const uint8_t *from = frame_at(b, stack, size);
    if (!from) return -1;
    memcpy(words, from, sizeof words);
    if (control & FPCA || floating) return_floating(b, floating ? from : NULL, (control & FPCA) != 0);
    uint32_t after = (stack + size) | (words[7] & ALIGNED ? 4 : 0);
    if (faultmask && finished != NMI) set_register(b, FAULTMASK, 0);
    uint32_t wanted = (control & NPRIV) | (process ? SPSEL : 0) | (floating ? FPCA : 0);
    if (wanted != (control & (NPRIV | SPSEL | FPCA))) return_control(b, wanted, control);
    memcpy(b->values, words, 6 * sizeof *words);
    b->values[PC] = words[6] | 1;
    b->values[XPSR] = (words[7] & ~(uint32_t)ALIGNED) | 1 << 24;
    b->values[SP] = after;
    write_registers(b, R0, SP + 1);
    return 0;
}
