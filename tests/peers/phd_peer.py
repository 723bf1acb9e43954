"""A manager or an agent of IEEE 11073-20601 over TCP.

`phd_peer.py manager PORT [FAULT]`, `phd_peer.py agent HOST:PORT [FAULT]`; PORT 0 is a free one, and is printed.

Reads and writes by the ASN.1 of the standard's annex A, type by type, in MDER: what leaves a rest, or has a count that
is not that of its items, is not read. A manager aborts what its state does not allow, and rejects what it cannot read.
An agent connects, proposes an extended configuration, reports one value every INTERVAL seconds, and begins anew when
it was rejected, released or aborted. FAULT `attributes` (manager) dies of a list of more than 64 items, `time` (agent)
hangs at a month of 0. Knows nothing of medfuzz.
"""

import os
import signal
import socket
import struct
import sys
import time

INTERVAL, PATIENCE = 0.02, 3.0


class Unreadable(Exception):
    """The bytes are none of the type."""


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise Unreadable
        self.at += count
        return self.data[self.at - count : self.at]

    def end(self):
        if self.at != len(self.data):
            raise Unreadable


class Int:
    def __init__(self, form):
        self.form = struct.Struct(">" + form)

    def read(self, source):
        return self.form.unpack(source.take(self.form.size))[0]

    def write(self, value):
        return self.form.pack(value)


class Octets:
    """OCTET STRING; with a type inside, ANY of that type."""

    def __init__(self, inside=None):
        self.inside = inside

    def read(self, source):
        data = source.take(U16.read(source))
        return data if self.inside is None else whole(self.inside, data)

    def write(self, value):
        data = value if self.inside is None else self.inside.write(value)
        return U16.write(len(data)) + data


class Sequence:
    def __init__(self, **parts):
        self.parts = parts

    def read(self, source):
        return {name: part.read(source) for name, part in self.parts.items()}

    def write(self, value):
        return b"".join(part.write(value[name]) for name, part in self.parts.items())


class ListOf:
    most = 1 << 16

    def __init__(self, item):
        self.item = item

    def read(self, source):
        count, inner = U16.read(source), Reader(source.take(U16.read(source)))
        if count > self.most:
            os.kill(os.getpid(), signal.SIGABRT)
        found = [self.item.read(inner) for _ in range(count)]
        inner.end()
        return found

    def write(self, value):
        data = b"".join(self.item.write(one) for one in value)
        return U16.write(len(value)) + U16.write(len(data)) + data


def whole(kind, data):
    source = Reader(data)
    value = kind.read(source)
    source.end()
    return value


U8, U16, U32 = Int("B"), Int("H"), Int("I")
AVA = Sequence(id=U16, value=Octets())
INFORMATION = Sequence(
    protocol_version=U32,
    encoding_rules=U16,
    nomenclature_version=U32,
    functional_units=U32,
    system_type=U32,
    system_id=Octets(),
    dev_config_id=U16,
    flags=U16,
    agents=U8,
    managers=U8,
    options=ListOf(AVA),
)
PROTO = Sequence(id=U16, info=Octets())
AARQ = Sequence(version=U32, protos=ListOf(PROTO))
AARE = Sequence(result=U16, proto=PROTO)
EVENT = Sequence(handle=U16, time=U32, type=U16, info=Octets())
MAP = ListOf(Sequence(id=U16, length=U16))
CONFIG = Sequence(id=U16, objects=ListOf(Sequence(kind=U16, handle=U16, attributes=ListOf(AVA))))
CONFIGURED = Sequence(id=U16, result=U16)
FIXED = Sequence(request=U16, number=U16, scans=ListOf(Sequence(handle=U16, value=Octets())))
VARIABLE = Sequence(request=U16, number=U16, scans=ListOf(Sequence(handle=U16, attributes=ListOf(AVA))))
GOT = Sequence(handle=U16, attributes=ListOf(AVA))
GETTING = Sequence(handle=U16, ids=ListOf(U16))
ACTION = Sequence(handle=U16, type=U16, info=Octets())
SETTING = Sequence(handle=U16, changes=ListOf(Sequence(operator=U16, attribute=AVA)))
FAILED = Sequence(value=U16, parameter=Octets())
TIME = Sequence(**dict.fromkeys(("c", "y", "month", "d", "h", "m", "s", "f"), U8), accuracy=U32)
ARGUMENTS = {
    0x100: EVENT, 0x101: EVENT, 0x103: GETTING, 0x104: SETTING, 0x105: SETTING, 0x106: ACTION, 0x107: ACTION,
    0x201: EVENT, 0x203: GOT, 0x205: GOT, 0x207: ACTION, 0x300: FAILED, 0x400: U16,
}  # fmt: skip
REPORTS = {0xD1C: CONFIG, 0xD1D: FIXED, 0xD1E: VARIABLE}


class Station:
    """What both sides have: APDUs in and out, and the state."""

    system_type, system_id = 0, b""

    def __init__(self, line, fault):
        self.line, self.fault, self.buffer, self.state, self.number = line, fault, b"", "unassociated", 0

    def say(self, choice, body):
        self.line.sendall(U16.write(choice) + Octets().write(body))

    def present(self, number, choice, value):
        inner = U16.write(number) + U16.write(choice) + Octets().write(ARGUMENTS[choice].write(value))
        self.say(0xE700, Octets().write(inner))

    def hear(self, seconds):
        """The next APDU, None at the end of the time; EOFError when the line is closed."""
        until = time.monotonic() + seconds
        while True:
            if len(self.buffer) >= 4 and len(self.buffer) >= 4 + struct.unpack(">H", self.buffer[2:4])[0]:
                size = 4 + struct.unpack(">H", self.buffer[2:4])[0]
                one, self.buffer = self.buffer[:size], self.buffer[size:]
                return struct.unpack(">H", one[:2])[0], one[4:]
            left = until - time.monotonic()
            if left <= 0:
                return None
            self.line.settimeout(left)
            try:
                data = self.line.recv(65536)
            except TimeoutError:
                return None
            if not data:
                raise EOFError
            self.buffer += data

    def information(self, config):
        return INFORMATION.write({
            "protocol_version": 1 << 31, "encoding_rules": 0x8000, "nomenclature_version": 1 << 31,
            "functional_units": 0, "system_type": self.system_type, "system_id": self.system_id,
            "dev_config_id": config, "flags": 0, "agents": 0, "managers": 0, "options": [],
        })  # fmt: skip

    def abort(self):
        self.state = "unassociated"
        self.say(0xE600, b"\0\0")

    def take(self, choice, body):
        """One APDU by the state table."""
        if choice == 0xE600:
            self.state = "unassociated"
        elif choice == 0xE400 and self.state != "unassociated" and len(body) == 2:
            self.say(0xE500, b"\0\0")
            self.state = "unassociated"
        elif choice == 0xE500 and self.state in ("unassociated", "disassociating"):
            self.state = "unassociated"
        elif choice == 0xE700 and self.state in ("configuring", "operating"):
            self.operate(body)
        else:
            self.associate(choice, body)

    def operate(self, body):
        try:
            inner = Reader(whole(Octets(), body))
            number, choice = U16.read(inner), U16.read(inner)
        except Unreadable:
            return self.abort()
        if choice not in ARGUMENTS:
            return self.present(number, 0x400, 101)
        try:
            value = Octets(ARGUMENTS[choice]).read(inner)
            inner.end()
            return self.operation(number, choice, value)
        except Unreadable:
            return self.present(number, 0x400, 2)


class Manager(Station):
    system_type, system_id = 0x80000000, b"MANAGER1"

    def serve(self):
        while True:
            if (heard := self.hear(3600.0)) is not None:
                self.take(*heard)

    def associate(self, choice, body):
        if choice != 0xE200 or self.state != "unassociated":
            return self.abort()
        try:
            asked = whole(AARQ, body)
            proto = next((one for one in asked["protos"] if one["id"] == 20601), None)
            info = whole(INFORMATION, proto["info"]) if proto else None
        except Unreadable:
            return self.abort()
        result = (
            8 if not asked["version"] >> 31 else 4 if info is None else 5 if not info["encoding_rules"] >> 15 else 3
        )
        self.state = "configuring" if result == 3 else "unassociated"
        chosen = {"id": 20601 if info else 0, "info": self.information(0) if info else b""}
        return self.say(0xE300, AARE.write({"result": result, "proto": chosen}))

    def operation(self, number, choice, value):
        if choice not in (0x100, 0x101):
            return None if choice >= 0x200 else self.present(number, 0x300, {"value": 24, "parameter": b""})
        if value["type"] not in REPORTS:
            return self.present(number, 0x300, {"value": 9, "parameter": b""}) if choice == 0x101 else None
        report = whole(REPORTS[value["type"]], value["info"])
        result = b""
        if value["type"] == 0xD1C:
            for one in report["objects"]:
                for attribute in one["attributes"]:
                    if attribute["id"] == 0xA55:
                        whole(MAP, attribute["value"])
            self.state = "operating"
            result = CONFIGURED.write({"id": report["id"], "result": 0})
        elif self.state != "operating":
            return self.abort()
        if choice == 0x101:
            answer = {"handle": value["handle"], "time": 0, "type": value["type"], "info": result}
            self.present(number, 0x201, answer)
        return None


class Agent(Station):
    system_type, system_id = 0x00800000, b"AGENT001"

    def ask(self):
        proto = {"id": 20601, "info": self.information(0x4000)}
        self.say(0xE200, AARQ.write({"version": 1 << 31, "protos": [proto]}))
        self.state = "associating"

    def serve(self):
        while True:
            if self.state == "unassociated":
                time.sleep(INTERVAL)
                self.ask()
            heard = self.hear(INTERVAL if self.state == "operating" else PATIENCE)
            if heard is not None:
                self.take(*heard)
            elif self.state == "operating":
                self.report()
            else:
                self.abort()

    def associate(self, choice, body):
        if choice != 0xE300 or self.state != "associating":
            return self.abort()
        try:
            result = whole(AARE, body)
            whole(INFORMATION, result["proto"]["info"])
        except Unreadable:
            return self.abort()
        self.state = {0: "operating", 3: "configuring"}.get(result["result"], "unassociated")
        return self.configure() if self.state == "configuring" else None

    def told(self, kind, info):
        self.number = (self.number + 1) % 65536
        self.present(self.number, 0x101, {"handle": 0, "time": 0, "type": kind, "info": info})

    def configure(self):
        attributes = [
            {"id": 0x92F, "value": b"\0\2\x4b\xb8"},
            {"id": 0xA55, "value": MAP.write([{"id": 0xA4C, "length": 2}])},
        ]
        objects = [{"kind": 6, "handle": 1, "attributes": attributes}]
        self.told(0xD1C, CONFIG.write({"id": 0x4000, "objects": objects}))

    def report(self):
        scans = [{"handle": 1, "value": b"\0\x62"}]
        self.told(0xD1D, FIXED.write({"request": 0xF000, "number": 0, "scans": scans}))

    def operation(self, number, choice, value):
        if choice == 0x201 and value["type"] == 0xD1C and self.state == "configuring":
            self.state = "operating" if whole(CONFIGURED, value["info"])["result"] == 0 else "unassociated"
        elif choice < 0x200 and self.state != "operating" and choice != 0x103:
            self.abort()
        elif choice < 0x200 and value["handle"]:
            self.present(number, 0x300, {"value": 1, "parameter": b""})
        elif choice == 0x103:
            self.present(number, 0x203, {"handle": 0, "attributes": self.known(value["ids"])})
        elif choice == 0x107 and value["type"] == 0xC17:
            self.set_time(number, whole(TIME, value["info"]))
        elif choice in (0x105, 0x107):
            self.present(number, 0x300, {"value": 9, "parameter": b""})

    def known(self, wanted):
        values = {0x984: Octets().write(self.system_id), 0xA44: U16.write(0x4000)}
        return [{"id": one, "value": values[one]} for one in wanted or values if one in values]

    def set_time(self, number, told):
        if told["month"] == 0 and self.fault == "time":
            time.sleep(3600)
        self.present(number, 0x207, {"handle": 0, "type": 0xC17, "info": b""})


def main(side, place, fault=""):
    ListOf.most = 64 if fault == "attributes" else ListOf.most
    if side == "agent":
        host, _, port = place.rpartition(":")
        while True:
            try:
                with socket.create_connection((host, int(port))) as line:
                    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    Agent(line, fault).serve()
            except (OSError, EOFError):
                time.sleep(INTERVAL)
    with socket.create_server(("127.0.0.1", int(place))) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            line, _ = server.accept()
            with line:
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                try:
                    Manager(line, fault).serve()
                except (OSError, EOFError):
                    continue


if __name__ == "__main__":
    main(*sys.argv[1:])
