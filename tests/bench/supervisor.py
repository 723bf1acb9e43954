"""A supervisor: serves the pump, and where its firmware faults, hangs or restarts, ends it and starts it again later.

`supervisor.py SECONDS ELF TCP_PORT SERIAL_LINK FOLDER`: what a watchdog does on a device without a relay.
"""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

MEDFUZZ = [sys.executable, "-m", "harness.cli.main"]
TROUBLE = ("fault", "hang", "reset")


def served(elf, port, link, folder):
    """The pump in a process of its own, once it says that it serves."""
    place = Path(folder) / "channel"
    place.unlink(missing_ok=True)
    words = ["emulate", "pump", "--elf", elf, "--tcp", port, "--serial", link, "--channel", f"unix:{place}"]
    process = subprocess.Popen([*MEDFUZZ, *words], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.startswith("serving"):
            break
    return process


def watch(place):
    """Returns when the firmware is in trouble, or has ended."""
    with socket.socket(socket.AF_UNIX) as channel, contextlib.suppress(OSError, ValueError):
        channel.connect(str(place))
        with channel.makefile() as lines:
            next((line for line in lines if json.loads(line).get("event") in TROUBLE), None)


def main(seconds, *words):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        process = served(*words)
        try:
            watch(Path(words[-1]) / "channel")
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        time.sleep(float(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
