"""A Modbus server of pymodbus on TCP, or on a pty: `pymodbus_server.py {tcp PORT | rtu LINK | ascii LINK}`.

Port 0 is a free one. LINK becomes a link to the client's end. What the client is to use is printed once it serves.
"""

import asyncio
import os
import pty
import selectors
import sys
import threading
import tty
from pathlib import Path

from pymodbus import FramerType
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import ModbusSerialServer, ModbusTcpServer


def context():
    """A hundred of each: coils and inputs on, registers 17."""
    bits = {name: ModbusSequentialDataBlock(1, [True] * 100) for name in ("co", "di")}
    words = {name: ModbusSequentialDataBlock(1, [17] * 100) for name in ("hr", "ir")}
    return ModbusServerContext(devices=ModbusDeviceContext(**bits, **words), single=True)


def carry(one, other):
    """Bytes both ways between two ptys, for ever."""
    chooser = selectors.DefaultSelector()
    chooser.register(one, selectors.EVENT_READ, other)
    chooser.register(other, selectors.EVENT_READ, one)
    while True:
        for key, _events in chooser.select():
            os.write(key.data, os.read(key.fd, 4096))


def line(link):
    """A serial line: the name of the server's end; the client's has a link to it."""
    ours, client = pty.openpty()
    theirs, server = pty.openpty()
    for end in (ours, client, theirs, server):
        tty.setraw(end)
    link.unlink(missing_ok=True)
    link.symlink_to(os.ttyname(client))
    threading.Thread(target=carry, args=(ours, theirs), daemon=True).start()
    return os.ttyname(server)


async def serve(kind, place):
    if kind == "tcp":
        server = ModbusTcpServer(context(), address=("127.0.0.1", int(place)))
    else:
        framer = FramerType.RTU if kind == "rtu" else FramerType.ASCII
        server = ModbusSerialServer(context(), framer=framer, port=line(Path(place)), baudrate=115200)
    await server.serve_forever(background=True)
    if kind == "tcp":
        place = server.transport.sockets[0].getsockname()[1]
    print(place, flush=True)
    await asyncio.Event().wait()


asyncio.run(serve(*sys.argv[1:]))
