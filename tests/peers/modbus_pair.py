"""A small Modbus TCP server for comparisons: ten holding registers; `--lenient` carries out writes where none is."""

import socketserver
import struct
import sys

COUNT = 10
VALUES = [0] * COUNT
LENIENT = "--lenient" in sys.argv


def answer(pdu):
    code = pdu[0]
    if code not in (3, 6) or len(pdu) != 5:
        return bytes([code | 0x80, 1])
    address, value = struct.unpack(">HH", pdu[1:])
    if code == 6:
        if address >= COUNT and not LENIENT:
            return bytes([0x86, 2])
        VALUES[address % COUNT] = value
        return pdu
    if not 1 <= value <= 125:
        return bytes([0x83, 3])
    if address + value > COUNT:
        return bytes([0x83, 2])
    return bytes([3, 2 * value]) + struct.pack(f">{value}H", *VALUES[address : address + value])


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        while len(head := self.rfile.read(7)) == 7:
            length = int.from_bytes(head[4:6])
            if not 2 <= length <= 254:
                return
            pdu = self.rfile.read(length - 1)
            if len(pdu) < length - 1:
                return
            out = answer(pdu)
            self.wfile.write(head[:4] + struct.pack(">H", len(out) + 1) + head[6:] + out)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    with Server(("127.0.0.1", int(sys.argv[1])), Handler) as server:
        server.serve_forever()
