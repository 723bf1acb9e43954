"""A patient monitor with Data Export over UDP: intellivue_monitor.py PORT [FAULT]; 0 is a free port, and is printed.

Reads structure by structure, as the programming guide has them; what is cut, or leaves a rest, it drops without a word.
One association a client, for PATIENCE seconds without a message; polls are answered once the MDS Create event was
confirmed. FAULT `labels` dies of a priority list of more than 32, `lists` counts one observation too many. It knows
nothing of medfuzz.
"""

import os
import socket
import struct
import sys
import time

PATIENCE, LABELS = 10.0, 32
PROFILE = struct.Struct(">6I")
PRESENTATION = bytes.fromhex(
    "3180a0808001010000a280a003000001a5803080800100810251010000308080010081"
    "0c2a8648ce14020100000002010000000061803080020101a0806180a180060c2a8648ce14020100000003010000"
    "a203020100a305a103020100be80288002010281"
)
ABORT = bytes.fromhex("110103c129a080a0803080020101060251010000000061803080020101a080648080010100000000000000000000")
VALUES = {
    6: [
        (0x50, {0x092F: "00024bb8", 0x0950: "4bb80000022000000062"}),
        (0x51, {0x092F: "00024182", 0x0950: "418200000aa000000048"}),
    ],
    9: [(0x60, {0x096E: "010000000008" + "0001000200030004"})],
    0x21: [(0, {0x0928: "00085068696c697073200006" + "4d5037302020", 0x091E: "0008" + "0042004500440031"})],
    0x2A: [(0x70, {0x0957: "0000"})],
    0x36: [(0x80, {0x0902: "00000000"})],
}


class Unreadable(Exception):
    """The bytes are not what the guide says."""


class Reader:
    def __init__(self, data):
        self.data = data

    def take(self, size):
        if size > len(self.data):
            raise Unreadable
        taken, self.data = self.data[:size], self.data[size:]
        return taken

    def number(self, size=2):
        return int.from_bytes(self.take(size), "big")

    def length(self):
        """LI: one byte, or FF and two."""
        first = self.number(1)
        return self.number(2) if first == 0xFF else first

    def counted(self):
        return Reader(self.take(self.number()))

    def attributes(self):
        """AttributeList: count, length, then id, length and value of each."""
        count = self.number()
        inside, found = self.counted(), {}
        for _ in range(count):
            kind = inside.number()
            found[kind] = inside.counted().data
        inside.end()
        return found

    def end(self):
        if self.data:
            raise Unreadable


def u16(*numbers):
    return b"".join(struct.pack(">H", number) for number in numbers)


def listed(items):
    body = b"".join(items)
    return u16(len(items), len(body)) + body


def attribute_list(values):
    return listed([u16(kind, len(value)) + value for kind, value in values.items()])


def remote(kind, invoke_id, command, argument):
    inner = u16(invoke_id, command, len(argument)) + argument
    return b"\xe1\0\0\2" + u16(kind, len(inner)) + inner


def session(kind, body):
    head = bytes([len(body)]) if len(body) < 255 else b"\xff" + u16(len(body))
    return bytes([kind]) + head + body


class Monitor:
    def __init__(self, fault):
        self.fault, self.clients, self.started = fault, {}, time.monotonic()

    def clock(self):
        return int((time.monotonic() - self.started) * 8000) & 0xFFFFFFFF

    def hears(self, data, client):
        """What a monitor says to a datagram, in order."""
        now = time.monotonic()
        if client in self.clients and now > self.clients[client]["until"]:
            del self.clients[client]
        try:
            if data[:1] == b"\xe1":
                return self.operated(Reader(data), client, now)
            return self.associated(Reader(data), client, now)
        except Unreadable:
            return []

    def associated(self, data, client, now):
        kind = data.number(1)
        body = Reader(data.take(data.length()))
        data.end()
        if kind == 0x09:
            known = self.clients.pop(client, None)
            return [session(0x0A, bytes.fromhex("c11661803080020101a0806380800100") + bytes(8))] if known else []
        if kind == 0x19:
            self.clients.pop(client, None)
            return []
        if kind != 0x0D:
            return []
        if client in self.clients:
            del self.clients[client]
            return [session(0x19, ABORT)]
        return self.proposed(body, client, now)

    def proposed(self, body, client, now):
        if body.take(2) != b"\5\x08" or len(body.take(12)) != 12 or body.number(1) != 0xC1:
            raise Unreadable
        presentation = Reader(body.take(body.length()))
        body.end()
        if b"\x02\x01\x02\x81" not in presentation.data:
            return [session(0x0C, b"\x31\0")]
        presentation.take(presentation.data.index(b"\x02\x01\x02\x81") + 4)
        user = Reader(presentation.take(presentation.number(1)))
        if presentation.take(16) != bytes(16):
            raise Unreadable
        version, nomenclature, _units, system, _mode = (user.number(4) for _ in range(5))
        user.attributes()
        profiles = user.attributes()
        user.end()
        if not (version & 1 << 31 and nomenclature & 1 << 30 and system & 1 << 31 and 1 in profiles):
            return [session(0x0C, b"\x31\0")]
        profile = Reader(profiles[1])
        profile.take(PROFILE.size)
        profile.attributes()
        profile.end()
        self.clients[client] = {"until": now + PATIENCE, "ready": False, "lists": {}}
        return [self.accepted(), self.created()]

    def accepted(self):
        profile = PROFILE.pack(1 << 31, 8000, 1000, 1000, 0xFFFFFFFF, 0x60000000) + listed([])
        user = struct.pack(">5I", 1 << 31, 1 << 30, 0, 0x00800000, 0x20000000)
        user += listed([]) + attribute_list({1: profile})
        presentation = PRESENTATION + bytes([len(user)]) + user + bytes(16)
        body = bytes.fromhex("0508130100160102800014020002c1") + bytes([len(presentation)]) + presentation
        return session(0x0E, body)

    def created(self):
        mds = {kind: bytes.fromhex(value) for kind, value in VALUES[0x21][0][1].items()}
        info = u16(0x21, 0, 0) + attribute_list(mds)
        argument = u16(0x21, 0, 0) + struct.pack(">I", self.clock()) + u16(0x0D06, len(info)) + info
        return remote(1, 1, 1, argument)

    def operated(self, data, client, now):
        if data.take(4) != b"\xe1\0\0\2":
            raise Unreadable
        kind = data.number()
        body = data.counted()
        data.end()
        known = self.clients.get(client)
        if known is None:
            return []
        known["until"] = now + PATIENCE
        invoke_id, command = body.number(), body.number()
        argument = body.counted()
        body.end()
        if kind == 2 and command == 1 and invoke_id == 1:
            known["ready"] = True
        if kind != 1 or not known["ready"]:
            return []
        answer = {7: self.polled, 3: self.got, 5: self.set}.get(command)
        if answer is None:
            return []
        place, scope = argument.take(6), argument.number(4)
        faults = {0: place[:2] != b"\0\x21", 1: place[2:] != bytes(4), 16: scope != 0}
        value = next((value for value, is_so in faults.items() if is_so), None)
        return [answer(invoke_id, place, argument, known) if value is None else remote_error(invoke_id, value)]

    def polled(self, invoke_id, place, argument, _known):
        action = argument.number()
        poll = argument.counted()
        argument.end()
        if action not in (0x0C16, 0xF13B):
            return remote_error(invoke_id, 9)
        number, sort, group = poll.number(), poll.take(4), poll.take(2)
        if action == 0xF13B:
            poll.attributes()
        poll.end()
        code = int.from_bytes(sort[2:], "big")
        if sort[:2] != b"\0\1" or code not in VALUES:
            return remote_error(invoke_id, 0)
        reply = u16(number) + (u16(0) if action == 0xF13B else b"") + struct.pack(">I", self.clock())
        reply += bytes.fromhex("2026010112000000") + sort + group + self.contexts(code)
        return remote(2, invoke_id, 7, place + u16(action, len(reply)) + reply)

    def contexts(self, code):
        items = [
            u16(handle) + attribute_list({kind: bytes.fromhex(value) for kind, value in values.items()})
            for handle, values in VALUES[code]
        ]
        inside = listed(items)
        if self.fault == "lists":
            inside = u16(len(items) + 1) + inside[2:]
        return listed([u16(0) + inside])

    def got(self, invoke_id, place, argument, known):
        count = argument.number()
        inside = argument.counted()
        argument.end()
        wanted = [inside.number() for _ in range(count)]
        inside.end()
        if any(kind not in (0xF228, 0xF23A) for kind in wanted):
            return remote_error(invoke_id, 7)
        return remote(2, invoke_id, 3, place + attribute_list({k: known["lists"].get(k, listed([])) for k in wanted}))

    def set(self, invoke_id, place, argument, known):
        count = argument.number()
        inside, done = argument.counted(), {}
        argument.end()
        for _ in range(count):
            operator, kind = inside.number(), inside.number()
            value = inside.counted()
            if operator or kind not in (0xF228, 0xF23A):
                return remote_error(invoke_id, 8)
            labels = value.number()
            if self.fault == "labels" and labels > LABELS:
                os.abort()
            texts = value.counted()
            if len(texts.data) != 4 * labels or labels > LABELS:
                return remote_error(invoke_id, 15)
            done[kind] = listed([texts.data[at : at + 4] for at in range(0, 4 * labels, 4)])
        inside.end()
        known["lists"] |= done
        return remote(2, invoke_id, 5, place + attribute_list(done))


def remote_error(invoke_id, value):
    inner = u16(invoke_id, value, 0)
    return b"\xe1\0\0\2" + u16(3, len(inner)) + inner


def main(port, fault=""):
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("127.0.0.1", int(port)))
    print(datagrams.getsockname()[1], flush=True)
    monitor = Monitor(fault)
    while True:
        data, client = datagrams.recvfrom(65535)
        for answer in monitor.hears(data, client):
            datagrams.sendto(answer, client)


if __name__ == "__main__":
    main(*sys.argv[1:])
