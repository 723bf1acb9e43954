"""Builds the pump's firmware.

`python -m targets.pump.build` rebuilds the committed ELFs; `--fault`, `--all`, `--salt`, `--driver`, `--out` vary it.
"""

from __future__ import annotations

from pathlib import Path

from targets.firmware import Build, Firmware, main

# Valid messages stay valid under all values.
PUMP = Firmware(
    "pump",
    Path(__file__).parent / "firmware",
    {
        "PEER_SIZE": (12, 24, 1),
        "LABEL_SIZE": (20, 24, 1),
        "DRUG_NAME_SIZE": (10, 7, 1),
        "ECHO_SIZE": (48, 40, 1),
        "CONTROL_ID_SIZE": (17, 20, 1),
        "PATIENT_LINE_SIZE": (28, 24, 1),
        "DRUG_CONCENTRATION": (600, 24, 40),
    },
    drivers=("irq",),
)
__all__ = ["PUMP", "Build", "compile_firmware", "fault_names"]

compile_firmware = PUMP.compile
fault_names = PUMP.fault_names

if __name__ == "__main__":
    raise SystemExit(main(PUMP))
