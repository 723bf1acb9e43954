"""What a person and the patient's side do to the pump besides sending messages; units are those of its README."""

from __future__ import annotations

from harness.case import Step, Stimulate, Wait
from targets.keys import press

CONFIRM = press("keypad_confirm")
AIR_ALARM: tuple[Step, ...] = (Stimulate("air", 500), Wait(0.5))

ACTIONS: dict[str, tuple[Step, ...]] = {
    "confirm": CONFIRM,
    "silence_key": press("keypad_silence"),
    "bolus_key": press("keypad_bolus"),
    "stop_key": press("keypad_stop"),
    "air": AIR_ALARM,
    "air_cleared": (Stimulate("air", 0), Wait(0.5)),
    "occlusion": (Stimulate("occlusion", 15), Wait(0.5)),
    "occlusion_cleared": (Stimulate("occlusion", 2), Wait(0.5)),
    "reservoir_empty": (Stimulate("reservoir", 0), Wait(0.5)),
    "battery_low": (Stimulate("battery", 10), Wait(0.5)),
    "battery_depleted": (Stimulate("battery", 2), Wait(0.5)),
    "hot": (Stimulate("temperature", 75), Wait(0.5)),
}
