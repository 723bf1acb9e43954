/* Response codes of the Insulin Delivery control points. */
#ifndef RESPONSE_H
#define RESPONSE_H

enum response {
    RESPONSE_SUCCESS = 0x0F,
    RESPONSE_OPCODE = 0x70,
    RESPONSE_OPERAND = 0x71,
    RESPONSE_NOT_COMPLETED = 0x72,
    RESPONSE_RANGE = 0x73,
    RESPONSE_NOT_APPLICABLE = 0x74,
    RESPONSE_PLAUSIBILITY = 0x75,
    RESPONSE_MAXIMUM_BOLUSES = 0x76,
};

#endif
