/* Handlers of the command control point. */
#ifndef THERAPY_COMMANDS_H
#define THERAPY_COMMANDS_H

#include <stdint.h>

#include "response.h"
#include "text.h"

typedef enum response command_handler(const uint8_t *operand, uint32_t length, struct text *answer);

command_handler set_therapy_state, confirm_annunciation, write_basal_profile, set_temp_basal, cancel_temp_basal,
    set_bolus, cancel_bolus, start_priming, stop_priming, get_max_bolus, set_max_bolus;

#endif
