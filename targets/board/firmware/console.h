/* The debug console on the third UART. */
#ifndef CONSOLE_H
#define CONSOLE_H

/* One line; dropped while the queue is full. */
void console_print(const char *format, ...);

#endif
