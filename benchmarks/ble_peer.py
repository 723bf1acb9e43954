"""Bumble alone, for comparison: a central on a virtual controller, writing to a peripheral of another process.

`python -m benchmarks.ble_peer WRITES`: says where to attach, then for each line read measures once and prints the rate.
"""

from __future__ import annotations

import asyncio
import sys
import time

from bumble.device import Device, DeviceConfiguration
from bumble.hci import Address
from bumble.host import Host
from bumble.transport.common import AsyncPipeSink

from harness.radio.ether import Ether
from harness.radio.quiet import quieten

PERIPHERAL = "F0:F1:F2:F3:F4:F5"
ATT = 4


async def main(writes: int) -> None:
    """Connect once, then measure on demand."""
    ether = Ether(lambda *_words, **_more: None)
    say(await ether.listen("tcp:127.0.0.1:0"))
    controller = ether.controller()
    device = Device(
        config=DeviceConfiguration(name="central", address=Address("E0:00:00:00:00:01")),
        host=Host(controller, AsyncPipeSink(controller)),
    )
    await device.power_on()
    loop = asyncio.get_running_loop()
    handle = int(await loop.run_in_executor(None, sys.stdin.readline))
    connection = await device.connect(PERIPHERAL, timeout=5)
    answers: asyncio.Queue[bytes] = asyncio.Queue()
    device.host.on_l2cap_pdu = lambda connection, cid, pdu: answers.put_nowait(pdu)
    pdu = b"\x12" + handle.to_bytes(2, "little") + bytes(8)
    while await loop.run_in_executor(None, sys.stdin.readline):
        started = time.perf_counter()
        for _ in range(writes):
            connection.send_l2cap_pdu(ATT, pdu)
            await answers.get()
        say(str(writes / (time.perf_counter() - started)))


def say(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    quieten()
    asyncio.run(main(int(sys.argv[1])))
