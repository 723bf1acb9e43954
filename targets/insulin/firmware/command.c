/* The command control point: session, end-to-end protection, operand lengths, handlers, answers. */
#include "command.h"
#include "alarms.h"
#include "connection.h"
#include "control.h"
#include "e2e.h"
#include "log.h"
#include "login.h"
#include "profile.h"
#include "response.h"
#include "table.h"
#include "therapy_commands.h"

#define RESPONSE_CODE 0x0F55u
#define COMMANDS (sizeof commands / sizeof commands[0])

/* A handler that succeeds has put its own answer's operand behind `answer`, where the command has one. */
static const struct command {
    uint16_t opcode, answer;
    uint8_t shortest, longest;
    command_handler *handler;
} commands[] = {
    {0x0F5A, 0, 1, 1, set_therapy_state},
    {0x0F99, 0x0FA5, 2, 2, confirm_annunciation},
    {0x0FCC, 0x0FF0, 7, 15, write_basal_profile},
    {0x0FFF, 0, 6, 6, set_temp_basal},
    {0x1111, 0, 0, 0, cancel_temp_basal},
    {SET_BOLUS, 0x1177, 8, 9, set_bolus},
    {0x1178, 0x1187, 2, 2, cancel_bolus},
    {0x127B, 0, 2, 2, start_priming},
    {0x1284, 0, 0, 0, stop_priming},
    {0x147D, 0x1482, 0, 0, get_max_bolus},
    {0x148D, 0, 2, 2, set_max_bolus},
};

uint32_t commands_done, commands_refused;

static const struct command *find(uint32_t opcode) {
    for (uint32_t i = 0; i < COMMANDS; i++) {
        if (commands[i].opcode == opcode) return &commands[i];
    }
    return 0;
}

static int admitted(const uint8_t *data, uint32_t length) {
#ifdef FAULT_BOLUS_SESSION
    /* The remote control gives a bolus without a login: it is bonded. */
    if (link_bonded && length >= 2 && load16(data) == SET_BOLUS) return 1;
#else
    (void)data, (void)length;
#endif
    return login_authorized();
}

static enum response run(const struct command *command, const uint8_t *operand, uint32_t length, struct text *answer) {
    if (!command) return RESPONSE_OPCODE;
    if (length < command->shortest || length > command->longest) return RESPONSE_OPERAND;
    return command->handler(operand, length, answer);
}

static void answer_code(struct text *answer, uint32_t opcode, enum response response) {
    answer->length = 0;
    text_u16(answer, RESPONSE_CODE);
    text_u16(answer, opcode);
    text_byte(answer, (uint8_t)response);
}

static void execute(const uint8_t *data, uint32_t length) {
    uint8_t buffer[32];
    struct text answer = {buffer, 0, sizeof buffer};
    uint32_t opcode = load16(data);
    const struct command *command = find(opcode);
    text_u16(&answer, command ? command->answer : 0);
    enum response response = run(command, data + 2, length - 2, &answer);
    if (response == RESPONSE_SUCCESS) commands_done++;
    else commands_refused++;
    if (response != RESPONSE_SUCCESS || !command->answer) answer_code(&answer, opcode, response);
    e2e_close_counted(E2E_COMMAND, &answer, 0);
    control_answer(ATTRIBUTE_IDD_COMMAND, &answer);
    log_add(response == RESPONSE_SUCCESS ? LOG_COMMAND : LOG_REFUSED, opcode);
}

enum att command_write(const uint8_t *data, uint32_t length) {
    enum att error = control_admit(ATTRIBUTE_IDD_COMMAND);
    if (error != ATT_OK) return error;
    if (!admitted(data, length)) return ATT_INSUFFICIENT_AUTHORIZATION;
    error = e2e_admit(E2E_COMMAND, data, &length);
    if (error != ATT_OK) return error;
    if (length < 2) return ATT_INVALID_LENGTH;
    control_accept();
    execute(data, length);
    return ATT_OK;
}
