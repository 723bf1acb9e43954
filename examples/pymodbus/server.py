"""A Modbus server of pymodbus: `python3 server.py tcp PORT`, or `rtu DEVICE` on a serial port."""

import asyncio
import sys

from pymodbus import FramerType
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import ModbusSerialServer, ModbusTcpServer


def context():
    """A hundred of each: coils and inputs on, registers 17."""
    bits = {name: ModbusSequentialDataBlock(1, [True] * 100) for name in ("co", "di")}
    words = {name: ModbusSequentialDataBlock(1, [17] * 100) for name in ("hr", "ir")}
    return ModbusServerContext(devices=ModbusDeviceContext(**bits, **words), single=True)


async def main(kind, place):
    if kind == "tcp":
        server = ModbusTcpServer(context(), address=("127.0.0.1", int(place)))
    else:
        server = ModbusSerialServer(context(), framer=FramerType.RTU, port=place, baudrate=115200)
    await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
