/* A small Bluetooth LE peripheral's host stack with six faults of its own: it attaches to a controller by H4.
 *
 * cc -g -fsanitize=address,undefined ble_stack.c; ./a.out /dev/pts/N [faults]
 * `faults` is a number: each bit leaves one check out (0, the default: none).
 *   1  prepared writes are put together in a buffer of 64 bytes, whatever their offset
 *   2  the maximum key size of a Pairing Request is believed
 *   4  a Pairing Public Key is taken before any Pairing Request
 *   8  a second request behind an indication that is not confirmed yet stops the server
 *  16  the MPS of a credit based connection divides
 *  32  a list of UUIDs in one value tells its own number
 */
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

typedef uint8_t u8;
typedef uint16_t u16;

enum { PREPARED = 1, KEY_SIZE = 2, PUBLIC_KEY = 4, DEADLOCK = 8, MPS = 16, LIST = 32 };
enum { ATT = 4, SIGNALLING = 5, SMP = 6 };
enum { READ = 2, COMMAND = 4, WRITE = 8, INDICATE = 32 };

static int port, faults;
static u16 connection, mtu = 23, waiting;
static u8 frame[1024], public_key[64];
static size_t have;

struct session { u8 key[16]; u8 confirmed; };
static struct session *session;

static u16 le16(const u8 *p) { return (u16)(p[0] | p[1] << 8); }
static void put16(u8 *p, unsigned v) { p[0] = (u8)v; p[1] = (u8)(v >> 8); }

static void out(const u8 *data, size_t n)
{
	while (n) {
		ssize_t sent = write(port, data, n);
		if (sent < 0) { perror("write"); exit(4); }
		data += sent;
		n -= (size_t)sent;
	}
}

static void command(u16 opcode, const u8 *parameters, u8 n)
{
	u8 packet[260] = {1, (u8)opcode, (u8)(opcode >> 8), n};
	if (n)
		memcpy(packet + 4, parameters, n);
	out(packet, 4u + n);
}

static void say(u16 cid, const u8 *data, u16 n)
{
	u8 packet[600] = {2};
	put16(packet + 1, connection);
	put16(packet + 3, n + 4u);
	put16(packet + 5, n);
	put16(packet + 7, cid);
	memcpy(packet + 9, data, n);
	out(packet, 9u + n);
}

/* -- attributes --------------------------------------------------------------------------------------------------- */

struct attribute { u16 type; u8 takes; u16 size, most; u8 value[128]; };

static struct attribute table[] = {
	{0},
	{0x2800, 0, 2, 2, {0x00, 0x18}},                         /* 1 Generic Access */
	{0x2803, 0, 5, 5, {READ, 3, 0, 0x00, 0x2a}},             /* 2 */
	{0x2a00, READ, 5, 20, "BS-01"},                          /* 3 the name */
	{0x2800, 0, 2, 2, {0x10, 0x18}},                         /* 4 Blood Pressure, of a sort */
	{0x2803, 0, 5, 5, {READ | WRITE, 6, 0, 0xf1, 0xff}},     /* 5 */
	{0xfff1, READ | WRITE, 20, 64, "the patient's name.."},  /* 6 a text */
	{0x2803, 0, 5, 5, {WRITE, 8, 0, 0xf2, 0xff}},            /* 7 */
	{0xfff2, WRITE, 3, 128, {1, 0x0a, 0x18}},                /* 8 a list: number, UUIDs */
	{0x2803, 0, 5, 5, {WRITE | INDICATE, 10, 0, 0xf3, 0xff}},/* 9 */
	{0xfff3, WRITE, 1, 20, {0}},                             /* 10 a control point */
	{0x2902, READ | WRITE, 2, 2, {0, 0}},                    /* 11 */
	{0x2803, 0, 5, 5, {COMMAND, 13, 0, 0xf4, 0xff}},         /* 12 */
	{0xfff4, COMMAND, 1, 20, {0}},                           /* 13 */
};
enum { LAST = sizeof table / sizeof *table - 1, TEXT = 6, UUIDS = 8, POINT = 10, CONFIGURED = 11 };

struct queue { u8 data[64]; u16 handle, end; };
static struct queue *queue;

static void error(u8 request, u16 handle, u8 why)
{
	u8 pdu[5] = {1, request, (u8)handle, (u8)(handle >> 8), why};
	say(ATT, pdu, 5);
}

static struct attribute *at(u16 handle) { return handle && handle <= LAST ? &table[handle] : NULL; }

static void answer(u8 code, const u8 *data, size_t n)
{
	u8 pdu[520] = {code};
	if (n > mtu - 1u)
		n = mtu - 1u;
	if (n)
		memcpy(pdu + 1, data, n);
	say(ATT, pdu, (u16)(n + 1));
}

static void read_by_type(const u8 *pdu, size_t n)
{
	u16 start, end, handle;
	if (n != 7) { error(pdu[0], 0, 4); return; }
	start = le16(pdu + 1), end = le16(pdu + 3);
	if (!start || start > end) { error(pdu[0], start, 1); return; }
	for (handle = start; handle <= end && handle <= LAST; handle++) {
		u8 found[140];
		if (table[handle].type != le16(pdu + 5))
			continue;
		found[0] = (u8)(table[handle].size + 2);
		put16(found + 1, handle);
		memcpy(found + 3, table[handle].value, table[handle].size);
		answer(pdu[0] + 1, found, 3u + table[handle].size);
		return;
	}
	error(pdu[0], start, 0x0a);
}

static void read_by_group(const u8 *pdu, size_t n)
{
	u16 start, end, handle, last;
	if (n != 7) { error(pdu[0], 0, 4); return; }
	start = le16(pdu + 1), end = le16(pdu + 3);
	if (!start || start > end) { error(pdu[0], start, 1); return; }
	if (le16(pdu + 5) != 0x2800) { error(pdu[0], start, 0x10); return; }
	for (handle = start; handle <= end && handle <= LAST; handle++) {
		u8 found[7] = {6};
		if (table[handle].type != 0x2800)
			continue;
		for (last = handle; last < LAST && table[last + 1].type != 0x2800; last++) {}
		put16(found + 1, handle);
		put16(found + 3, last);
		memcpy(found + 5, table[handle].value, 2);
		answer(0x11, found, 7);
		return;
	}
	error(pdu[0], start, 0x0a);
}

static void find_information(const u8 *pdu, size_t n)
{
	u16 start, end, handle;
	u8 found[64] = {1};
	size_t size = 1;
	if (n != 5) { error(pdu[0], 0, 4); return; }
	start = le16(pdu + 1), end = le16(pdu + 3);
	if (!start || start > end) { error(pdu[0], start, 1); return; }
	for (handle = start; handle <= end && handle <= LAST && size + 4 < mtu - 1u && size + 4 < sizeof found; handle++) {
		put16(found + size, handle);
		put16(found + size + 2, table[handle].type);
		size += 4;
	}
	if (size == 1)
		error(pdu[0], start, 0x0a);
	else
		answer(5, found, size);
}

/* A list of UUIDs is kept sorted in memory of its own. */
static void listed(const u8 *value, size_t n)
{
	size_t number = n ? value[0] : 0, k;
	u16 *uuids;
	if (!(faults & LIST) && (n < 1 || number * 2 + 1 != n))
		return;
	uuids = malloc(n + 1);
	for (k = 0; k < number && (!(faults & LIST) || k < 60); k++)
		uuids[k] = le16(value + 1 + 2 * k);
	free(uuids);
}

static void indicate(void)
{
	u8 pdu[4] = {0x1d, POINT, 0, 1};
	if (table[CONFIGURED].value[0] & 2) {
		waiting = 1;
		say(ATT, pdu, 4);
	}
}

/* The error, 0 for none. */
static u8 written(u16 handle, const u8 *value, size_t n)
{
	struct attribute *a = at(handle);
	if (!a)
		return 1;
	if (!(a->takes & (WRITE | COMMAND)))
		return 3;
	if (n > a->most)
		return 0x0d;
	memcpy(a->value, value, n);
	a->size = (u16)n;
	if (handle == UUIDS)
		listed(a->value, n);
	if (handle == POINT)
		indicate();
	return 0;
}

static void prepare(const u8 *pdu, size_t n)
{
	u16 handle = le16(pdu + 1), offset = le16(pdu + 3);
	struct attribute *a = at(handle);
	if (!a) { error(pdu[0], handle, 1); return; }
	if (handle != TEXT) { error(pdu[0], handle, 3); return; }
	if (!queue)
		queue = calloc(1, sizeof *queue);
	if (!(faults & PREPARED) && offset + (n - 5) > sizeof queue->data) { error(pdu[0], handle, 9); return; }
	if (offset > 512) { error(pdu[0], handle, 7); return; }
	memcpy(queue->data + offset, pdu + 5, n - 5);
	queue->handle = handle;
	queue->end = (u16)(offset + n - 5);
	answer(0x17, pdu + 1, n - 1);
}

static void execute(const u8 *pdu, size_t n)
{
	u8 why = 0;
	if (n != 2) { error(pdu[0], 0, 4); return; }
	if (pdu[1] == 1 && queue)
		why = written(queue->handle, queue->data, queue->end);
	free(queue);
	queue = NULL;
	if (why)
		error(pdu[0], 0, why);
	else
		answer(0x19, pdu, 0);
}

static void request(const u8 *pdu, size_t n)
{
	struct attribute *a;
	u8 why;
	if (n == 0)
		return;
	if (pdu[0] == 0x1e) { waiting = 0; return; }
	if (waiting && faults & DEADLOCK && !(pdu[0] & 0x40))
		for (;;)
			pause();
	switch (pdu[0]) {
	case 0x02:
		if (n != 3) { error(2, 0, 4); return; }
		mtu = le16(pdu + 1) < 23 ? 23 : le16(pdu + 1) > 247 ? 247 : le16(pdu + 1);
		answer(3, (u8[]){247, 0}, 2);
		return;
	case 0x04: find_information(pdu, n); return;
	case 0x08: read_by_type(pdu, n); return;
	case 0x10: read_by_group(pdu, n); return;
	case 0x0a: case 0x0c:
		if (n != (pdu[0] == 0x0a ? 3u : 5u)) { error(pdu[0], 0, 4); return; }
		a = at(le16(pdu + 1));
		if (!a || !a->size) { error(pdu[0], le16(pdu + 1), 1); return; }
		if (a->type >= 0x2a00 && !(a->takes & READ)) { error(pdu[0], le16(pdu + 1), 2); return; }
		if (pdu[0] == 0x0a) { answer(0x0b, a->value, a->size); return; }
		if (le16(pdu + 3) > a->size) { error(pdu[0], le16(pdu + 1), 7); return; }
		answer(0x0d, a->value + le16(pdu + 3), a->size - le16(pdu + 3));
		return;
	case 0x12: case 0x52:
		if (n < 3) { if (pdu[0] == 0x12) error(pdu[0], 0, 4); return; }
		why = written(le16(pdu + 1), pdu + 3, n - 3);
		if (pdu[0] == 0x12 && why) error(pdu[0], le16(pdu + 1), why);
		if (pdu[0] == 0x12 && !why) answer(0x13, pdu, 0);
		return;
	case 0x16:
		if (n < 5) { error(pdu[0], 0, 4); return; }
		prepare(pdu, n);
		return;
	case 0x18: execute(pdu, n); return;
	default:
		if (!(pdu[0] & 0x40) && !(pdu[0] & 1)) error(pdu[0], n > 2 ? le16(pdu + 1) : 0, 6);
	}
}

/* -- pairing and signalling --------------------------------------------------------------------------------------- */

static void failed(u8 why) { say(SMP, (u8[]){5, why}, 2); }

static void pairing(const u8 *pdu, size_t n)
{
	u8 short_term[16] = {0};
	if (n == 0)
		return;
	switch (pdu[0]) {
	case 1:
		if (n != 7) { failed(0x0a); return; }
		if (pdu[4] < 7 || (pdu[4] > 16 && !(faults & KEY_SIZE))) { failed(6); return; }
		memset(short_term, 0x5a, pdu[4]);
		free(session);
		session = calloc(1, sizeof *session);
		memcpy(session->key, short_term, 16);
		say(SMP, (u8[]){2, 3, 0, 0, 16, 0, 0}, 7);
		return;
	case 0x0c:
		if (n != 65 || (!session && !(faults & PUBLIC_KEY))) { failed(0x0a); return; }
		session->confirmed = 0;
		memcpy(public_key, pdu + 1, 64);
		failed(5);
		return;
	case 5:
		free(session);
		session = NULL;
		return;
	default:
		failed(7);
	}
}

static void channel(const u8 *pdu, size_t n)
{
	u8 reply[14] = {0x15, pdu[1], 10, 0};
	u16 mps;
	if (n != 14) { say(SIGNALLING, (u8[]){1, pdu[1], 2, 0, 0, 0}, 6); return; }
	mps = le16(pdu + 10);
	if (mps < 23 && !(faults & MPS)) { put16(reply + 12, 11); say(SIGNALLING, reply, 14); return; }
	put16(reply + 12, le16(pdu + 8) / mps > 4096 ? 4 : 2);
	say(SIGNALLING, reply, 14);
}

static void signalled(const u8 *pdu, size_t n)
{
	if (n < 4 || !pdu[1] || le16(pdu + 2) != n - 4)
		return;
	if (pdu[0] == 0x14)
		channel(pdu, n);
	else if (!(pdu[0] & 1) || pdu[0] == 0x7f)
		say(SIGNALLING, (u8[]){1, pdu[1], 2, 0, 0, 0}, 6);
}

/* -- the controller ------------------------------------------------------------------------------------------------ */

static void advertise(void) { command(0x200a, (u8[]){1}, 1); }

static void begin(void)
{
	u8 data[32] = {10, 2, 1, 6, 6, 9, 'B', 'S', '-', '0', '1'};
	command(0x0c03, NULL, 0);
	command(0x2006, (u8[]){0x20, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0}, 15);
	command(0x2008, data, 32);
	advertise();
}

static void forget(void)
{
	free(session), session = NULL;
	free(queue), queue = NULL;
	have = 0, mtu = 23, waiting = 0;
	put16(table[CONFIGURED].value, 0);
}

static void event(const u8 *packet, size_t n)
{
	if (n >= 6 && packet[0] == 0x3e && packet[2] == 1 && !packet[3])
		connection = le16(packet + 4);
	else if (n >= 2 && packet[0] == 5) {
		forget();
		advertise();
	}
}

static void piece(const u8 *acl, size_t n)
{
	if (((acl[1] >> 4) & 3) != 1)
		have = 0;
	if (have + n - 4 > sizeof frame)
		return;
	memcpy(frame + have, acl + 4, n - 4);
	have += n - 4;
	if (have < 4 || have < 4u + le16(frame))
		return;
	n = le16(frame);
	have = 0;
	switch (le16(frame + 2)) {
	case ATT: request(frame + 4, n); break;
	case SIGNALLING: signalled(frame + 4, n); break;
	case SMP: pairing(frame + 4, n); break;
	}
}

/* One whole H4 packet, or nothing; how many bytes it had. */
static size_t packet(const u8 *data, size_t n)
{
	size_t whole = n < 3 ? 3 : data[0] == 4 ? 3u + data[2] : n < 5 ? 5 : 5u + le16(data + 3);
	if (n < whole)
		return 0;
	if (data[0] == 4)
		event(data + 1, whole - 1);
	else if (whole >= 5)
		piece(data + 1, whole - 1);
	return whole;
}

int main(int argc, char **argv)
{
	static u8 data[8192];
	size_t n = 0, used;
	struct termios line;
	if (argc < 2) { fprintf(stderr, "usage: %s PORT [FAULTS]\n", argv[0]); return 2; }
	faults = argc > 2 ? atoi(argv[2]) : 0;
	port = open(argv[1], O_RDWR | O_NOCTTY);
	if (port < 0) { perror(argv[1]); return 2; }
	tcgetattr(port, &line);
	cfmakeraw(&line);
	tcsetattr(port, TCSANOW, &line);
	begin();
	for (;;) {
		ssize_t came = read(port, data + n, sizeof data - n);
		if (came <= 0)
			return 0;
		n += (size_t)came;
		while ((used = packet(data, n))) {
			memmove(data, data + used, n - used);
			n -= used;
		}
	}
}
