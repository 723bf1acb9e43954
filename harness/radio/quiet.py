"""Takes the cost out of Bumble's debug text, which it builds for every packet whether or not anybody logs it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator

from bumble import att, hci, l2cap, smp


def quieten() -> None:
    """Call once, after the imports: packets' texts become their plain representation, colours go, logging is off."""
    logging.disable(logging.CRITICAL)
    for name, module in list(sys.modules.items()):
        if name.startswith("bumble") and "color" in vars(module):
            vars(module)["color"] = _plain
    for base in (hci.HCI_Packet, att.ATT_PDU, smp.SMP_Command, l2cap.L2CAP_PDU, l2cap.L2CAP_Control_Frame):
        for packet in _family(base):
            if "__str__" in vars(packet):
                type.__setattr__(packet, "__str__", object.__repr__)


def _plain(text: str, *_colours: object, **_styles: object) -> str:
    return text


def _family(base: type) -> Iterator[type]:
    yield base
    for derived in base.__subclasses__():
        yield from _family(derived)
