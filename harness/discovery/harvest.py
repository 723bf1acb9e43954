"""Out of what was said to a device: the different messages, each once, and the orders they came in."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator

from harness.captures import Said
from harness.interfaces import WireProtocol
from harness.radio.att import WITH_HANDLE
from harness.seeds import MAX_BYTES, Seed
from protocols.model import Protocol
from protocols.recognize import HANDLE, best_fit, values_of

OF_A_MESSAGE, OF_BYTES = 16, 64
_OPEN = 256


class Splitter:
    """Cuts byte streams into messages by a protocol's framing; what it cannot frame stays as the segments cut it."""

    def __init__(self, protocol: WireProtocol) -> None:
        self._protocol = protocol
        self._rests = OrderedDict[int, Said]()

    def messages(self, pieces: Iterable[Said]) -> Iterator[Said]:
        """Each message of each conversation, and at the end what was left unfinished."""
        for piece in pieces:
            yield from self._cut(piece)
        yield from self._rests.values()

    def _cut(self, piece: Said) -> Iterator[Said]:
        before = self._rests.pop(piece.conversation, None)
        frames, rest = self._protocol.split((before.data if before else b"") + piece.data)
        whole = [frame.data for frame in frames]
        if len(rest) > MAX_BYTES:
            whole, rest = [*whole, rest], b""
        for data in whole:
            yield Said(piece.conversation, piece.device, data[:MAX_BYTES])
        if rest:
            self._rests[piece.conversation] = Said(piece.conversation, piece.device, rest)
        if len(self._rests) > _OPEN:
            yield self._rests.popitem(last=False)[1]


class Harvest:
    """Seeds and walks. `count` messages were taken, `more` of them left out for want of room.

    Of one message `OF_A_MESSAGE` different ones are kept, of no known message `OF_BYTES`; in a walk the last one kept
    stands for those left out. `unnamed` handles are of no characteristic that the capture names.
    """

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self._by_handle = any(
            name.startswith(HANDLE) for message in protocol.messages.values() for name in message.live.values()
        )
        self._numbers: dict[tuple[str, bytes], int] = {}
        self._last: dict[str, int] = {}
        self._kept = Counter[str]()
        self._walks: dict[tuple[str, int], list[int]] = {}
        self._unnamed: set[bytes] = set()
        self.seeds: list[Seed] = []
        self.count = self.more = 0

    def add(self, said: Said) -> None:
        """Take one message."""
        fit = best_fit(self._protocol, said.data, said.uuid)
        name, values = (fit[0].name, values_of(*fit)) if fit else ("", said.data)
        number = self._numbers.get((name, values)) or self._new(name, values, said)
        self._walks.setdefault((said.device, said.conversation), []).append(number)
        self.count += 1
        if self._by_handle and not said.uuid and said.data[0] in WITH_HANDLE:
            self._unnamed.add(said.data[1:3])

    def _new(self, name: str, values: bytes, said: Said) -> int:
        if self._kept[name] >= (OF_A_MESSAGE if name else OF_BYTES):
            self.more += 1
            return self._last[name]
        self.seeds.append(Seed(data=said.data, message=name, uuid=said.uuid))
        self._kept[name] += 1
        self._last[name] = self._numbers[name, values] = len(self.seeds)
        return len(self.seeds)

    @property
    def conversations(self) -> int:
        """How many there were."""
        return len(self._walks)

    @property
    def unnamed(self) -> int:
        """How many handles are of no characteristic that the capture names."""
        return len(self._unnamed)

    @property
    def walks(self) -> list[list[int]]:
        """Different orders of two messages or more."""
        return [list(walk) for walk in dict.fromkeys(map(tuple, self._walks.values())) if len(walk) > 1]
