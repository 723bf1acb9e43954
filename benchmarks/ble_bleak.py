"""GATT writes through bleak's own API, on our backend: a bleak script as a user has it, run by `harness.radio.bleak`.

Arguments: ADDRESS UUID WRITES. Says when it is connected, then for each line read measures once and prints the rate.
"""

from __future__ import annotations

import asyncio
import sys
import time

from bleak import BleakClient


async def main(address: str, uuid: str, writes: int) -> None:
    """Connect once, then measure on demand."""
    loop = asyncio.get_running_loop()
    async with BleakClient(address) as client:
        say("connected")
        while await loop.run_in_executor(None, sys.stdin.readline):
            started = time.perf_counter()
            for _ in range(writes):
                await client.write_gatt_char(uuid, bytes(8), response=True)
            say(str(writes / (time.perf_counter() - started)))


def say(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
