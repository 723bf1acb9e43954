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
    """The pump in a process of its own, once it serves; its channel."""
    place = Path(folder) / "channel"
    words = ["emulate", "pump", "--elf", elf, "--tcp", port, "--serial", link, "--channel", f"unix:{place}"]
    process = subprocess.Popen([*MEDFUZZ, *words], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.startswith("serving"):
            break
    channel = socket.socket(socket.AF_UNIX)
    channel.connect(str(place))
    return process, channel


def until_trouble(channel):
    """Returns at the first event of trouble, or when the pump has ended."""
    with channel, channel.makefile() as lines, contextlib.suppress(OSError):
        for line in lines:
            if json.loads(line).get("event") in TROUBLE:
                return


def main(seconds, *words):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        process, channel = served(*words)
        try:
            until_trouble(channel)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        time.sleep(float(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
