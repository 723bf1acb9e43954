/* The debug console: one line a call, cut at the line's end, dropped while the queue is full. */
#include "console.h"
#include "text.h"
#include "uart.h"

#define LINE_MAX 200u

void console_print(const char *format, ...) {
    uint8_t *buffer = uart_reserve(UART_3);
    if (!buffer) return;
    struct text line = {buffer, 0, LINE_MAX};
    va_list arguments;
    va_start(arguments, format);
    text_format(&line, format, arguments);
    va_end(arguments);
    line.size = UART_SLOT_SIZE;
    text_string(&line, "\r\n");
    uart_commit(UART_3, line.length);
}
