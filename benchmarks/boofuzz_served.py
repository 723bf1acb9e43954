"""What boofuzz sends a second to the pump that is served, stock and tuned: `python -m benchmarks.boofuzz_served`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.boofuzz_worker import boofuzz_worker
from benchmarks.others import environment, wait_for
from benchmarks.paired import HERE

_PORT, _SECONDS = 7071, 15.0


def main() -> None:
    """Prints a line for each link, by the clock."""
    with tempfile.TemporaryDirectory(prefix="medfuzz-served-") as folder:
        tty = Path(folder, "pump.tty")
        words = ["emulate", "pump-fixed", "--unpaced", "--tcp", str(_PORT), "--serial", str(tty)]
        command = [sys.executable, "-m", "harness.cli.main", *words]
        with subprocess.Popen(command, env=environment(HERE), stdout=subprocess.DEVNULL) as process:
            try:
                wait_for(_PORT, "the pump")
                _rates(str(tty))
            finally:
                process.terminate()


def _rates(tty: str) -> None:
    with boofuzz_worker() as boofuzz:
        for name, tuned in (("stock", False), ("tuned", True)):
            network = boofuzz.protocol_rate("pump_hl7", _PORT, "", _SECONDS, reuse=False, tuned=tuned)
            line = boofuzz.protocol_rate("pump_link", 0, tty, _SECONDS, reuse=True, tuned=tuned)
            print(f"{name}: {network:.1f} cases/s over TCP, {line:.1f} over the serial link", flush=True)


if __name__ == "__main__":
    main()
