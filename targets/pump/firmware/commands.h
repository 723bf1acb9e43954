/* Commands of the maintenance link: statuses, handlers, dispatch. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include <stdint.h>

#include "text.h"

enum status {
    STATUS_OK, STATUS_BAD_CRC, STATUS_UNKNOWN, STATUS_BAD_LENGTH, STATUS_NO_SESSION, STATUS_DENIED, STATUS_BAD_VALUE,
    STATUS_WRONG_STATE, STATUS_OVER_LIMIT, STATUS_REPLAYED, STATUS_BUSY, STATUS_STORAGE, STATUS_SIGNATURE, STATUS_VERSION,
};

/* `body` is what follows token and counter; the reply is appended behind the status. */
typedef enum status command_handler(const uint8_t *body, uint32_t length, struct text *reply);

/* Runs a command; its reply, status first, replaces `reply`. Returns STATUS_UNKNOWN with nothing written for no such command. */
enum status command_run(uint8_t code, const uint8_t *body, uint32_t length, struct text *reply);

command_handler status_read, echo, memory_statistics, session_open_request, session_prove, session_close, settings_read,
    settings_write, name_write, clock_write, patient_read, log_read_request, history_add, subscribe, self_test_request,
    programme_rate, programme_volume, therapy_resume, therapy_pause, bolus_request, silence_request, library_list,
    library_read, library_begin, library_part, library_commit, update_begin, update_chunk, update_commit;

#endif
