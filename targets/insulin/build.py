"""Builds the insulin pump's firmware.

`python -m targets.insulin.build` rebuilds the committed ELFs; `--fault`, `--all`, `--salt`, `--out` vary it.
"""

from __future__ import annotations

from pathlib import Path

from targets.firmware import Build, Firmware, main

# Valid messages stay valid under all values.
INSULIN = Firmware(
    "insulin",
    Path(__file__).parent / "firmware",
    {
        "CALIBRATION_SIZE": (12, 24, 1),
        "UPLOAD_SIZE": (80, 64, 1),
        "PIN_FIELD_SIZE": (9, 8, 1),
        "HISTORY_SIZE": (20, 24, 1),
        "BASAL_DEFAULT": (40, 24, 5),
        "BOLUS_DEFAULT": (1000, 20, 50),
    },
)
__all__ = ["INSULIN", "Build", "compile_firmware", "fault_names"]

compile_firmware = INSULIN.compile
fault_names = INSULIN.fault_names

if __name__ == "__main__":
    raise SystemExit(main(INSULIN))
