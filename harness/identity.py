"""Whether a device is the one that the bench means."""

from __future__ import annotations

from dataclasses import fields

from harness.interfaces import Identity

FIELDS = tuple(field.name for field in fields(Identity))


def unlike(wanted: Identity, found: Identity) -> str:
    """The first thing that a device says otherwise than wanted, in words, or "". What is empty is not compared.

    Nor is the case of a name, which some devices change.
    """
    for field in FIELDS:
        expected, given = getattr(wanted, field), getattr(found, field)
        same = expected.casefold() == given.casefold() if field == "name" else expected == given
        if expected and given and not same:
            words = f"the device says {field.replace('_', ' ')} '{given}', the bench wants '{expected}'"
            return f"{words}. Is this the right device? If so, correct [identity]"
    return ""


def untold(wanted: Identity, found: Identity) -> list[str]:
    """What is wanted and not told."""
    return [field for field in FIELDS if getattr(wanted, field) and not getattr(found, field)]


def described(identity: Identity) -> str:
    """What a device says it is, in words."""
    told = {field: getattr(identity, field) for field in FIELDS}
    return ", ".join(f"{field.replace('_', ' ')} '{value}'" for field, value in told.items() if value)
