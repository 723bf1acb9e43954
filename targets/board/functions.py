"""Which functions of the firmware ran, by its edges; of the others those first that the code which ran leads to.

A function in a table beside one that ran is what a message leads to that was never sent or never accepted: these come
first, then what is called; of equal ones those behind which most code lies.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from harness.functions import FunctionsRun, Unreached
from targets.board.image import Image, Symbol
from targets.board.references import References, functions_in

MOST = 500
_TABLE, _NAMED, _NOWHERE = range(3)


def functions_run(image: Image, edges: Collection[int], vectors: int) -> FunctionsRun | None:
    """By both ends of each edge (`from << 32 | to`); None for a file without names of functions, and before a start."""
    functions = functions_in(image)
    if not edges or not functions:
        return None
    ran = _reached(functions, edges)
    never = [symbol for address, symbol in functions.items() if address not in ran]
    leads = _Leads(References(image, functions, vectors), functions, ran)
    never.sort(key=lambda symbol: (leads.rank(symbol), -leads.behind(symbol), symbol.name))
    told = tuple(Unreached(one.name, image.line_at(one.address), leads.words(one)) for one in never[:MOST])
    return FunctionsRun(len(ran), told, len(never) - len(told))


def _reached(functions: Mapping[int, Symbol], edges: Collection[int]) -> set[int]:
    """Addresses of functions in which an edge begins or ends."""
    places = {edge >> 32 & ~1 for edge in edges} | {edge & 0xFFFFFFFE for edge in edges}
    starts, found = sorted(functions), set[int]()
    for place in places:
        start = starts[max(0, bisect_right(starts, place) - 1)]
        if start <= place < start + functions[start].size:
            found.add(start)
    return found


class _Leads:
    """How the functions that ran lead to others: directly, or by tables and objects."""

    def __init__(self, references: References, functions: Mapping[int, Symbol], ran: Collection[int]) -> None:
        self._references, self._ran = references, ran
        self._known: dict[int, tuple[Symbol, ...]] = {}
        self._behind: dict[int, int] = {}
        self._found: dict[int, tuple[int, str]] = {}
        for address in sorted(ran):
            self._follow(functions[address])

    def rank(self, symbol: Symbol) -> int:
        """0 in a table beside one that ran, 1 called or named, 2 neither."""
        return self._found.get(symbol.address, (_NOWHERE, ""))[0]

    def words(self, symbol: Symbol) -> str:
        """What leads to it, in words."""
        return self._found.get(symbol.address, (_NOWHERE, ""))[1]

    def behind(self, symbol: Symbol) -> int:
        """Bytes of code that never ran, its own and of what it leads to."""
        if symbol.address not in self._behind:
            reach = _walk([symbol], lambda one: [other for other in self._of(one) if other.address not in self._ran])
            self._behind[symbol.address] = sum(one.size for one in reach if one.function)
        return self._behind[symbol.address]

    def _follow(self, symbol: Symbol) -> None:
        for other in self._of(symbol):
            if other.function:
                self._note(other, _NAMED, f"called by {symbol.name}")
            else:
                self._through(symbol, other)

    def _through(self, symbol: Symbol, table: Symbol) -> None:
        """What stands in a table that a function uses, and in tables that this names."""
        for part in _walk([table], lambda one: [other for other in self._of(one) if not other.function]):
            entries = [one for one in self._of(part) if one.function]
            beside = next((one.name for one in entries if one.address in self._ran), "")
            words = f"beside {beside} in {part.name}" if beside else f"in {part.name}, which {symbol.name} uses"
            for entry in entries:
                self._note(entry, _TABLE if beside else _NAMED, words)

    def _note(self, symbol: Symbol, rank: int, words: str) -> None:
        if symbol.address not in self._ran and rank < self.rank(symbol):
            self._found[symbol.address] = rank, words

    def _of(self, symbol: Symbol) -> tuple[Symbol, ...]:
        if symbol.address not in self._known:
            self._known[symbol.address] = tuple(dict.fromkeys(self._references.of(symbol)))
        return self._known[symbol.address]


def _walk(first: Iterable[Symbol], further: Callable[[Symbol], Iterable[Symbol]]) -> Iterator[Symbol]:
    """These and all that they lead to, each once."""
    waiting, seen = list(first), set[int]()
    while waiting:
        symbol = waiting.pop()
        if symbol.address not in seen:
            seen.add(symbol.address)
            yield symbol
            waiting += further(symbol)
