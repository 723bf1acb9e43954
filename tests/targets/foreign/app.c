/* What all of these devices do: lines of text come in, commands are carried out, an answer goes out. */
#include "app.h"

#define LINE 96
static char line[LINE];
static uint32_t length;
uint32_t settings[4], lines_seen;
static char name[24] = "device";

static void say(const char *text) {
    while (*text) port_write((uint8_t)*text++);
}

static void say_number(uint32_t value) {
    char digits[12];
    int n = 0;
    do digits[n++] = (char)('0' + value % 10), value /= 10;
    while (value);
    while (n) port_write((uint8_t)digits[--n]);
}

static int begins(const char *text, const char *word) {
    while (*word)
        if (*text++ != *word++) return 0;
    return 1;
}

__attribute__((noinline)) static uint32_t copy_text(char *to, const char *from, uint32_t most) {
    uint32_t n = 0;
    while (from[n] && n < most) to[n] = from[n], n++;
    return n;
}

__attribute__((noinline)) static void set_name(const char *text) {
    char copy[16];
#ifdef FAULT_NAME
    uint32_t n = copy_text(copy, text, LINE);
#else
    uint32_t n = copy_text(copy, text, sizeof copy);
#endif
    copy_text(name, copy, n < sizeof copy ? n : sizeof copy);
    say("ok\r\n");
}

static void mode_off(void) { settings[0] = 0; }
static void mode_on(void) { settings[0] = 1; }
static void (*const modes[2])(void) = {mode_off, mode_on};

__attribute__((noinline)) static void set_mode(const char *text) {
    uint32_t mode = (uint8_t)text[0] - (uint32_t)'0';
#ifndef FAULT_MODE
    if (mode > 1) {
        say("error\r\n");
        return;
    }
#endif
    modes[mode]();
    say("ok\r\n");
}

#ifdef FAULT_HALT
__attribute__((noinline)) static void halt(void) {
    for (;;) __asm volatile("");
}
#endif

static void carry_out(void) {
    lines_seen++;
    if (begins(line, "name ")) set_name(line + 5);
    else if (begins(line, "mode ")) set_mode(line + 5);
    else if (begins(line, "status")) {
        say("lines ");
        say_number(lines_seen);
        say(" mode ");
        say_number(settings[0]);
        say("\r\n");
    }
#ifdef FAULT_HALT
    else if (begins(line, "halt")) halt();
#endif
    else if (length) say("unknown command\r\n");
}

void app_greet(void) { say("\r\nREADY v1.2\r\n"); }

void app_take(uint8_t byte) {
    if (byte == '\r' || byte == '\n') {
        line[length] = 0;
        carry_out();
        length = 0;
    } else if (length < LINE - 1) line[length++] = (char)byte;
}
