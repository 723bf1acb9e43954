"""Builds the glucose meter's firmware.

`python -m targets.glucometer.build` rebuilds the committed ELFs; `--fault`, `--all`, `--salt`, `--out` vary it.
"""

from __future__ import annotations

from pathlib import Path

from targets.firmware import Build, Firmware, main

# Valid messages stay valid under all values.
GLUCOMETER = Firmware(
    "glucometer",
    Path(__file__).parent / "firmware",
    {
        "SERVER_MTU": (96, 12, 4),
        "PREPARE_SIZE": (96, 16, 4),
        "MATCHES_MAX": (1, 4, 1),
        "RECORDS": (8, 16, 1),
    },
)
__all__ = ["GLUCOMETER", "Build", "compile_firmware", "fault_names"]

compile_firmware = GLUCOMETER.compile
fault_names = GLUCOMETER.fault_names

if __name__ == "__main__":
    raise SystemExit(main(GLUCOMETER))
