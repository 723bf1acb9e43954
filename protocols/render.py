"""Renders a boofuzz Request with some of its parts replaced, and knows where every field ended up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Any

import boofuzz
from boofuzz.mutation import Mutation
from boofuzz.mutation_context import MutationContext

from harness.case import FieldSpan, LiveField
from harness.errors import UsageError, did_you_mean
from protocols.checksums import BlockChecksum
from protocols.encoding import CodedBlock, bound, encode, integer_bytes, is_whole, names_inside

TAIL = ".+"


@dataclass(frozen=True, slots=True)
class Change:
    """Put `data` in the place of the field or block `name` (its path inside the message).

    `value` is what boofuzz would encode; only primitives that the layout cannot take apart need it.
    """

    name: str
    data: bytes
    value: Any = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """Bytes of a message, where its fields are, and which bytes are computed at send time."""

    data: bytes
    spans: tuple[FieldSpan, ...]
    live: tuple[LiveField, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One piece of a message that is not divided further; `name` is its path inside the message."""

    index: int
    name: str
    primitive: boofuzz.Fuzzable
    default: bytes
    live: str = ""


@dataclass(frozen=True, slots=True)
class Extent:
    """Leaves `[first, last)` of a layout."""

    first: int
    last: int

    def holds(self, index: int) -> bool:
        """True when the leaf is one of them."""
        return self.first <= index < self.last


@dataclass(frozen=True, slots=True)
class Dependent:
    """A leaf that is computed from other leaves: a length or a checksum."""

    leaf: int
    extent: Extent
    compute: Callable[[bytes], bytes]
    live_name: str = ""


@dataclass(slots=True)
class _Draft:
    parts: list[bytes]
    frozen: set[int] = field(default_factory=set[int])
    values: dict[str, Mutation] = field(default_factory=dict[str, Mutation])


class Layout:
    """A Request taken apart once, so that each rendering touches only what changes.

    Gives the bytes that boofuzz's own `render` gives. A block with an encoder or a dependency, and the rarer
    primitives (Aligned, Repeat, Mirror), are kept whole and rendered by boofuzz. `live` maps a field's path to
    the name of its resolver; fields whose default is a ProtocolSessionReference are live by themselves. Each block
    that holds something has an empty tail, `NAME` + `TAIL`, where a change can add bytes and leave the rest live.
    Changes in a CodedBlock, of which there may be one, hold the bytes that are meant; they are coded at last.
    With `stretching`, a live field may come out longer or shorter than the template has it: the last one is computed
    first, so that those before it stand where they stood, and see what comes behind them.
    """

    def __init__(
        self, request: boofuzz.Request, live: Mapping[str, str] | None = None, *, stretching: bool = False
    ) -> None:
        self.request = request
        self._live = dict(live or {})
        self._stretching = stretching
        self.leaves: list[Leaf] = []
        self.extents: dict[str, Extent] = {}
        self._inside: dict[str, int] = {}
        self._wholes: list[int] = []
        self._coded: CodedBlock | None = None
        self._inner = Extent(0, 0)
        for child in request.stack:
            self._add(child)
        self._check_live()
        self._defaults = [leaf.default for leaf in self.leaves]
        self.sizes = self._find_sizes()
        self._sums = self._find_sums()
        self._defaults = self._settle(_Draft(list(self._defaults))).parts
        self._lengths = list(map(len, self._outgoing(self._defaults)))
        self._spans = self._spans_from(0, [0, *accumulate(self._lengths)], self._lengths)
        self._plain = self._finish(_Draft(list(self._defaults)))

    @cached_property
    def computed(self) -> dict[int, None]:
        """Indices of the leaves that are worked out from others: lengths and checksums, the narrowest first."""
        every = sorted((*self.sizes, *self._sums), key=lambda one: one.extent.last - one.extent.first)
        return dict.fromkeys(dependent.leaf for dependent in every)

    def usual(self, leaf: Leaf) -> bytes:
        """What is in a leaf when nothing is changed."""
        return self._defaults[leaf.index]

    @property
    def default(self) -> Rendered:
        """The message with nothing changed."""
        return self._plain

    def leaf(self, name: str) -> Leaf:
        """The leaf at the path, or with that last name where only one has it; raises UsageError."""
        extent = self.extents.get(self.path(name))
        if extent is None or extent.last - extent.first != 1:
            raise UsageError(f"'{name}' of message '{self.request.name}' is not a single field; name one of its parts")
        return self.leaves[extent.first]

    def path(self, name: str) -> str:
        """The full path of a field given by its path or its unique last part; raises UsageError."""
        if name in self.extents or name in self._inside:
            return name
        found = [path for path in self.extents if path.rpartition(".")[2] == name and not path.endswith(TAIL)]
        if len(found) != 1:
            hint = f" Say which: {', '.join(found)}." if found else did_you_mean(name, self.extents)
            raise UsageError(f"message '{self.request.name}' has no single field '{name}'.{hint}")
        return found[0]

    def given(self, data: bytes, spans: Iterable[FieldSpan]) -> dict[str, bytes]:
        """What is in each field of a message that was rendered, as a change would put it there."""
        found = {span.name: data[span.offset : span.offset + span.length] for span in spans}
        if self._coded is None:
            return found
        coded = {leaf.name for leaf in self.leaves[self._inner.first : self._inner.last]} & found.keys()
        return found | {name: self._coded.incoming(found[name]) or found[name] for name in coded}

    def decoded(self, data: bytes) -> bytes | None:
        """A message with the bytes that are meant in its CodedBlock; None where it stands for none."""
        first, last = self._inner.first, self._inner.last
        if self._coded is None:
            return data
        head, tail = sum(self._lengths[:first]), len(data) - sum(self._lengths[last:])
        inside = self._coded.incoming(data[head:tail])
        return None if inside is None else data[:head] + inside + data[tail:]

    def set(self, **values: Any) -> tuple[Change, ...]:
        """Changes that give fields other values, encoded as their primitives encode them."""
        return tuple(self.change(self.leaf(name), value) for name, value in values.items())

    def change(self, leaf: Leaf, value: Any) -> Change:
        """The change that a boofuzz value makes to a leaf; late-bound values are bound here."""
        return Change(leaf.name, encode(leaf.primitive, value), value)

    def of_mutations(self, mutations: Iterable[Mutation]) -> tuple[Change, ...]:
        """boofuzz mutations as changes."""
        return tuple(self._of_mutation(mutation) for mutation in mutations)

    def render(self, changes: Sequence[Change] = ()) -> Rendered:
        """The message with `changes` in it; lengths and checksums are right unless they were changed themselves."""
        if not changes:
            return self._plain
        draft = _Draft(list(self._defaults))
        for change in changes:
            self._put(draft, change)
        return self._finish(self._settle(draft))

    def _of_mutation(self, mutation: Mutation) -> Change:
        name = self._path_of(mutation.qualified_name)
        primitive = self.request.names[mutation.qualified_name]
        value = bound(primitive, mutation.value)
        return Change(name, b"" if name in self._inside else encode(primitive, value), value)

    def _path_of(self, qualified: str) -> str:
        return qualified[len(self.request.name) + 1 :]

    def _add(self, item: boofuzz.Fuzzable) -> None:
        first = len(self.leaves)
        name = self._path_of(item.qualified_name)
        if isinstance(item, boofuzz.Block) and item.stack and not (item.dep or _is_encoded(item)):
            for child in item.stack:
                self._add(child)
            self._add_tail(item, name)
        else:
            self._add_leaf(item, name)
        self.extents[name] = Extent(first, len(self.leaves))
        if isinstance(item, CodedBlock):
            if self._coded is not None:
                raise UsageError(f"message '{self.request.name}' has two blocks that are coded; make them one")
            self._coded, self._inner = item, self.extents[name]

    def _add_tail(self, block: boofuzz.Block, name: str) -> None:
        index = len(self.leaves)
        self.leaves.append(Leaf(index, name + TAIL, block, b""))
        self.extents[name + TAIL] = Extent(index, index + 1)

    def _add_leaf(self, item: boofuzz.Fuzzable, name: str) -> None:
        index = len(self.leaves)
        default = item.original_value()
        live = self._live.get(name, "")
        raw: Any = vars(item).get("_default_value")
        if isinstance(raw, boofuzz.ProtocolSessionReference):
            live = live or f"session:{raw.name}"
        if is_whole(item):
            self._wholes.append(index)
            self._inside.update((self._path_of(inner), index) for inner in names_inside(item))
            data = b""
        elif isinstance(item, boofuzz.Size):
            data = bytes(item.length) if item.format == "binary" else b""
        elif isinstance(item, boofuzz.Checksum):
            data = item.render(MutationContext())
        else:
            data = encode(item, default)
        self.leaves.append(Leaf(index, name, item, data, live))

    def _check_live(self) -> None:
        for name in self._live:
            if name not in self.extents:
                hint = did_you_mean(name, self.extents)
                raise UsageError(f"message '{self.request.name}' has no field '{name}' to be live.{hint}")
        for leaf in self.leaves[self._inner.first : self._inner.last]:
            if leaf.live:
                raise UsageError(f"'{leaf.name}' of message '{self.request.name}' goes out coded and cannot be live")
        for leaf in self.leaves if self._stretching else ():
            if isinstance(leaf.primitive, boofuzz.Checksum):
                raise UsageError(
                    f"message '{self.request.name}' is stretching, so that its checksum '{leaf.name}' cannot follow"
                )

    def _find_sizes(self) -> tuple[Dependent, ...]:
        sizes = [(leaf, leaf.primitive) for leaf in self.leaves]
        found = [self._size(leaf.index, size) for leaf, size in sizes if isinstance(size, boofuzz.Size)]
        variable = [size for size in found if not self.leaves[size.leaf].default]
        constant = [size for size in found if self.leaves[size.leaf].default]
        return (*self._ordered(variable), *constant)

    def _size(self, index: int, size: boofuzz.Size) -> Dependent:
        extra = size.offset + (size.length if size.inclusive else 0)

        def compute(length: bytes) -> bytes:
            return integer_bytes(size.bit_field, size.math(int.from_bytes(length, "big") + extra))

        return Dependent(index, self._target(size, size.block_name), compute)

    def _find_sums(self) -> tuple[Dependent, ...]:
        found = [leaf for leaf in self.leaves if isinstance(leaf.primitive, boofuzz.Checksum)]
        return tuple(self._ordered([self._sum(leaf) for leaf in found if leaf.index not in self._wholes]))

    def _sum(self, leaf: Leaf) -> Dependent:
        item: Any = leaf.primitive
        name = f"checksum:{self.request.name}.{leaf.name}"
        if isinstance(item, BlockChecksum):
            covered = [self._target(item, part) for part in item.over]
            extent = Extent(covered[0].first, covered[-1].last)
            return Dependent(leaf.index, extent, item.checksum, item.live_name or name)

        def compute(data: bytes) -> bytes:
            return item._checksum(data, None, None)

        return Dependent(leaf.index, self._target(item, item._block_name), compute, name)

    def _target(self, item: boofuzz.Fuzzable, name: str | None) -> Extent:
        if name is None:
            return Extent(0, 0)
        target = self.request.resolve_name(item.context_path, name)
        if isinstance(target, boofuzz.Request):
            return Extent(0, len(self.leaves))
        path = self._path_of(target.qualified_name)
        if path not in self.extents:
            whole = f"'{item.name}' of '{self.request.name}' covers '{path}', part of an encoded block"
            raise UsageError(f"{whole}; let it cover all of that block")
        return self.extents[path]

    def _ordered(self, dependents: list[Dependent]) -> list[Dependent]:
        """Each one after those that it covers."""
        done: list[Dependent] = []
        left = list(dependents)
        while left:
            ready = [d for d in left if not any(d.extent.holds(o.leaf) for o in left if o is not d)]
            if not ready:
                names = ", ".join(self.leaves[d.leaf].name for d in left)
                raise UsageError(f"message '{self.request.name}': {names} cover each other; let one of them cover less")
            done += ready
            left = [d for d in left if d not in ready]
        return done

    def _put(self, draft: _Draft, change: Change) -> None:
        if change.value is not None:
            qualified = f"{self.request.name}.{change.name}"
            draft.values[qualified] = Mutation(change.value, qualified, 0)
        if change.name in self._inside:
            return
        extent = self.extents[change.name]
        draft.parts[extent.first : extent.last] = [change.data] + [b""] * (extent.last - extent.first - 1)
        draft.frozen.update(range(extent.first, extent.last))

    def _settle(self, draft: _Draft) -> _Draft:
        parts, frozen = draft.parts, draft.frozen
        for index in self._wholes:
            if index not in frozen:
                parts[index] = self.leaves[index].primitive.render(MutationContext(mutations=draft.values))
        for size in self.sizes:
            if size.leaf not in frozen:
                length = sum(map(len, self._covered(parts, size)))
                parts[size.leaf] = size.compute(length.to_bytes(8, "big"))
        for checksum in self._sums:
            if checksum.leaf not in frozen:
                if checksum.extent.holds(checksum.leaf):
                    parts[checksum.leaf] = bytes(len(parts[checksum.leaf]))
                parts[checksum.leaf] = checksum.compute(b"".join(self._covered(parts, checksum)))
        return draft

    def _covered(self, parts: list[bytes], dependent: Dependent) -> list[bytes]:
        """What one inside the CodedBlock covers is what is meant, for one outside it is what goes out."""
        first, last = dependent.extent.first, dependent.extent.last
        return parts[first:last] if self._inner.holds(dependent.leaf) else self._outgoing(parts[first:last], first)

    def _outgoing(self, parts: list[bytes], first: int = 0) -> list[bytes]:
        """The parts from leaf `first` on, as they go out."""
        if self._coded is None:
            return parts
        code, inner = self._coded.outgoing, self._inner
        return [code(part) if inner.holds(index) else part for index, part in enumerate(parts, first)]

    def _finish(self, draft: _Draft) -> Rendered:
        parts = self._outgoing(draft.parts)
        lengths = list(map(len, parts))
        offsets = [0, *accumulate(lengths)]
        return Rendered(b"".join(parts), self._find_spans(offsets, lengths), self._find_live(draft, offsets))

    def _find_spans(self, offsets: list[int], lengths: list[int]) -> tuple[FieldSpan, ...]:
        """Those of the default up to the first field of another length, then new ones."""
        if lengths == self._lengths:
            return self._spans
        pairs = zip(lengths, self._lengths, strict=True)
        first = next(index for index, (own, usual) in enumerate(pairs) if own != usual)
        same = first - self._lengths[:first].count(0)
        return self._spans[:same] + self._spans_from(first, offsets, lengths)

    def _spans_from(self, first: int, offsets: list[int], lengths: list[int]) -> tuple[FieldSpan, ...]:
        return tuple(
            FieldSpan(leaf.name, offsets[leaf.index], lengths[leaf.index])
            for leaf in self.leaves[first:]
            if lengths[leaf.index]
        )

    def _find_live(self, draft: _Draft, offsets: list[int]) -> tuple[LiveField, ...]:
        alive = [leaf for leaf in self.leaves if leaf.live and leaf.index not in draft.frozen]
        if not alive:
            return ()
        found = [LiveField(leaf.live, offsets[leaf.index], len(draft.parts[leaf.index])) for leaf in alive]
        moving = {leaf.index for leaf in alive}
        for checksum in self._sums:
            if checksum.leaf in draft.frozen or not any(map(checksum.extent.holds, moving)):
                continue
            moving.add(checksum.leaf)
            start, stop = offsets[checksum.extent.first], offsets[checksum.extent.last]
            length = len(draft.parts[checksum.leaf])
            found.append(LiveField(checksum.live_name, offsets[checksum.leaf], length, start, stop))
        return tuple(reversed(found) if self._stretching else found)


def _is_encoded(block: boofuzz.Block) -> bool:
    """True where the whole of a block decides what its bytes are."""
    return bool(block.encoder) and not isinstance(block, CodedBlock)
