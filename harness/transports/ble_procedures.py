"""The procedures that a BLE link offers a fuzzer: steps by name, every one of them allowed by the specification."""

from __future__ import annotations

from collections.abc import Mapping

from harness.case import Procedure, Reconnect, Step

# Core vol 2 part D; those that HCI_Disconnect takes (vol 4 part E 7.1.6).
REASONS = {
    "authentication failure": 0x05,
    "user ended": 0x13,
    "low resources": 0x14,
    "power off": 0x15,
    "unsupported feature": 0x1A,
    "pairing with unit key": 0x29,
    "unacceptable parameters": 0x3B,
}
# Interval from, to (1.25 ms), latency (intervals), supervision timeout (10 ms).
PARAMETERS = {"fast": (6, 6, 0, 100), "slow": (80, 80, 0, 300), "latency": (24, 24, 4, 300), "range": (6, 80, 0, 300)}
MTUS = (23, 24, 64, 247, 517, 0xFFFF)
LEGACY, SECURE = ("secure", 0), ("secure", 1)
PAIRINGS: Mapping[str, tuple[tuple[str, int], ...]] = {
    "secure": (SECURE,),
    "legacy": (LEGACY,),
    "secure, no bond": (SECURE, ("bonding", 0)),
    "legacy, no bond": (LEGACY, ("bonding", 0)),
    "secure, keyboard and display": (SECURE, ("mitm", 1), ("io", 4)),
    "legacy, keyboard only": (LEGACY, ("mitm", 1), ("io", 2)),
    "shortest key": (LEGACY, ("key_size", 7)),
    **{f"secure, failed at {n}": (SECURE, ("fail_at", n)) for n in (1, 2, 3, 4, 5)},
    **{f"secure, cut at {n}": (SECURE, ("cut_at", n)) for n in (1, 2, 3, 4, 5)},
    **{f"legacy, failed at {n}": (LEGACY, ("fail_at", n)) for n in (1, 2, 3)},
    **{f"legacy, cut at {n}": (LEGACY, ("cut_at", n)) for n in (1, 2, 3)},
}
ADDRESSES = {"static": 1, "resolvable": 2, "non-resolvable": 3}
PAIR, FORGET = Procedure("pair", (SECURE,)), Procedure("forget_bond")
ENCRYPT, ZERO_KEY = Procedure("encrypt", (("key", 1),)), Procedure("encrypt", (("key", 0),))
NEEDS_SMP = frozenset({"pair"})


def offered(*, pairs: bool) -> Mapping[str, tuple[Step, ...]]:
    """All; without `pairs` those that leave the Security Manager to the fuzzed link."""
    forms = {**_connection(), **_bond(), **_addresses()}
    return {name: steps for name, steps in forms.items() if pairs or not _names(steps) & NEEDS_SMP}


def _names(steps: tuple[Step, ...]) -> set[str]:
    return {step.name for step in steps if isinstance(step, Procedure)}


def _connection() -> dict[str, tuple[Step, ...]]:
    words = ("low", "high", "latency", "timeout")
    return {
        **{f"disconnect, {name}": (Procedure("disconnect", (("reason", code),)),) for name, code in REASONS.items()},
        **{
            f"parameters, {name}": (Procedure("update_parameters", tuple(zip(words, values, strict=True))),)
            for name, values in PARAMETERS.items()
        },
        **{f"MTU {mtu}": (Procedure("exchange_mtu", (("mtu", mtu),)),) for mtu in MTUS},
        **{f"subscribe {value}": (Procedure("subscribe", (("value", value),)),) for value in (0, 1, 2, 3)},
    }


def _bond() -> dict[str, tuple[Step, ...]]:
    return {
        **{f"pair, {name}": (Procedure("pair", arguments),) for name, arguments in PAIRINGS.items()},
        "encrypt": (ENCRYPT,),
        "encrypt with zeros": (ZERO_KEY,),
        "forget the bond": (FORGET, Reconnect()),
        "bond, reconnect": (PAIR, Reconnect()),
        "bond, reconnect, encrypt": (PAIR, Reconnect(), ENCRYPT),
        "bond, forget it, pair": (PAIR, FORGET, Reconnect(), PAIR),
        "bond, reconnect, encrypt with zeros": (PAIR, Reconnect(), ZERO_KEY),
    }


def _addresses() -> dict[str, tuple[Step, ...]]:
    changes = {name: Procedure("change_address", (("kind", kind),)) for name, kind in ADDRESSES.items()}
    return {
        **{f"address, {name}": (change, Reconnect()) for name, change in changes.items()},
        **{f"bond, address, {name}": (PAIR, change, Reconnect(), ENCRYPT) for name, change in changes.items()},
    }
