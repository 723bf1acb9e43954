/* The command table of the maintenance link: who may call what with how many bytes. */
#include "commands.h"
#include "session.h"
#include "therapy.h"

#define COMMANDS (sizeof commands / sizeof commands[0])

enum need { OPEN, SESSION, THERAPY, UPLOAD };

/* Lengths are of the body behind token and counter. */
struct command {
    command_handler *handler;
    uint16_t shortest, longest;
    enum need need;
};

static const struct command commands[] = {
    [0x01] = {status_read, 0, 0, OPEN},
    [0x02] = {session_open_request, 2, 300, OPEN},
    [0x03] = {session_prove, 8, 8, OPEN},
    [0x04] = {session_close, 0, 0, SESSION},
    [0x05] = {echo, 2, 300, OPEN},
    [0x06] = {memory_statistics, 0, 0, OPEN},
    [0x07] = {settings_read, 0, 0, SESSION},
    [0x08] = {settings_write, 10, 10, SESSION},
    [0x09] = {name_write, 1, 296, SESSION},
    [0x0A] = {clock_write, 4, 4, SESSION},
    [0x0B] = {patient_read, 1, 1, SESSION},
    [0x0C] = {log_read_request, 3, 3, SESSION},
    [0x0D] = {history_add, 2, 296, SESSION},
    [0x0E] = {subscribe, 4, 4, SESSION},
    [0x0F] = {self_test_request, 0, 0, SESSION},
    [0x10] = {programme_rate, 5, 5, THERAPY},
    [0x11] = {programme_volume, 4, 4, THERAPY},
    [0x12] = {therapy_resume, 0, 0, THERAPY},
    [0x13] = {therapy_pause, 0, 0, THERAPY},
    [0x14] = {bolus_request, 6, 6, THERAPY},
    [0x15] = {silence_request, 2, 2, SESSION},
    [0x20] = {library_list, 1, 1, OPEN},
    [0x21] = {library_read, 1, 1, OPEN},
    [0x22] = {library_begin, 3, 3, UPLOAD},
    [0x23] = {library_part, 16, 296, UPLOAD},
    [0x24] = {library_commit, 2, 2, UPLOAD},
    [0x28] = {update_begin, 14, 14, SESSION},
    [0x29] = {update_chunk, 5, 260, SESSION},
    [0x2A] = {update_commit, 0, 0, SESSION},
};

static int admitted(enum need need, uint32_t token) {
#ifdef FAULT_LIBRARY_SESSION
    /* The pharmacy server may push before a nurse has logged on. */
    if (need == UPLOAD && !session_open) return 1;
#else
    (void)need;
#endif
    return session_accepts(token);
}

static int replayed(uint32_t counter) {
#ifdef FAULT_COMMAND_REPLAY
    return counter < command_counter;
#else
    return counter <= command_counter;
#endif
}

static enum status call(const struct command *command, const uint8_t *body, uint32_t length, struct text *reply) {
    uint32_t head = command->need == OPEN ? 0 : command->need == THERAPY ? 8 : 4;
    if (length < command->shortest + head || length > command->longest + head) return STATUS_BAD_LENGTH;
    if (head && !admitted(command->need, load32(body))) return STATUS_NO_SESSION;
    if (command->need == THERAPY) {
        uint32_t counter = load32(body + 4);
        if (replayed(counter)) return STATUS_REPLAYED;
        command_counter = counter;
    }
    return command->handler(body + head, length - head, reply);
}

enum status command_run(uint8_t code, const uint8_t *body, uint32_t length, struct text *reply) {
    if (code >= COMMANDS || !commands[code].handler) return STATUS_UNKNOWN;
    uint32_t start = reply->length;
    text_byte(reply, STATUS_OK);
    enum status status = call(&commands[code], body, length, reply);
    if (status != STATUS_OK) reply->length = start + 1;
    reply->data[start] = (uint8_t)status;
    return status;
}
