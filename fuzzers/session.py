"""A boofuzz Session that defines a protocol and leaves the running to medfuzz: boofuzz's graph, names and mutations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import boofuzz
from boofuzz.mutation import Mutation
from boofuzz.pgraph import Graph, Node

from fuzzers.callbacks import AfterCase, CaseTarget, EdgeCallback, Log
from harness.case import Send
from harness.errors import UsageError
from harness.interfaces import Callback, State
from protocols.model import Edge, Message, Protocol, check_message_name, messages_by_name
from protocols.render import Layout, Rendered
from protocols.wire import Wire

ROOT = "__ROOT_NODE__"


@dataclass(frozen=True, slots=True)
class NamedCase:
    """A boofuzz test case by its name `first->second:[second.field:3]`, with its bytes already made."""

    name: str
    path: tuple[str, ...]
    mutations: tuple[Mutation, ...]
    rendered: Rendered


class DeviceSession(boofuzz.Session):
    """Takes what boofuzz.Session takes and opens nothing: no web port, database, file, thread or sleep.

    Options about running (loggers, sleeps, thresholds, web) are accepted and ignored; callbacks are kept and run at
    send time, when `last_recv` is known. `fuzz()` does nothing: the campaign does it.
    """

    def __init__(
        self,
        *_: Any,
        target: Any = None,
        pre_send_callbacks: Sequence[Callable[..., Any]] | None = None,
        post_test_case_callbacks: Sequence[Callable[..., Any]] | None = None,
        **ignored: Any,
    ) -> None:
        Graph.__init__(self)
        self.root = Node()
        self.root.label = self.root.name = ROOT
        self.add_node(self.root)
        self.last_recv: bytes | None = None
        self.last_send: bytes | None = None
        self.targets: list[Any] = [] if target is None else [target]
        self.pre_send = list(pre_send_callbacks or ())
        self.post_test_case = list(post_test_case_callbacks or ())
        self.ignored = frozenset(ignored)
        self.log = Log()

    def add_target(self, target: Any) -> None:
        """Keeps the target for callbacks; nothing is started."""
        self.targets.append(target)

    def connect(
        self, src: Node | str, dst: Node | str | None = None, callback: Callable[..., Any] | None = None
    ) -> Any:
        """As boofuzz's; raises UsageError for a name that a test-case name could not be read back from."""
        for node in (src, dst):
            if isinstance(node, boofuzz.Request):
                check_message_name(node.name)
        return super().connect(src, dst, callback)

    def register_post_test_case_callback(self, method: Callable[..., Any]) -> None:
        """Runs after each case, in the campaign."""
        self.post_test_case.append(method)

    def fuzz(self, name: str | None = None, max_depth: int | None = None) -> None:
        """Does nothing: `medfuzz run` does the fuzzing."""

    def feature_check(self) -> None:
        """Does nothing: `medfuzz check` does that."""

    def requests(self) -> list[boofuzz.Request]:
        """The graph's messages in the order they were added; raises UsageError when there are none."""
        found = [node for node in self.nodes.values() if isinstance(node, boofuzz.Request)]
        if not found:
            raise UsageError("the session has no messages; connect() at least one Request to it")
        return found

    def protocol(self, name: str, wire: Wire | None = None, **options: Any) -> Protocol:
        """The session as a Protocol; without a `wire`, whatever comes is a reply. `options` are Protocol's own.

        The probe is the first message of the graph unless one is given. Raises UsageError.
        """
        ways = self._ways()
        messages = messages_by_name(Message(one, needs=ways.get(one.name, ())) for one in self.requests())
        edges, callbacks = self._edges()
        first = next((edge.target for edge in edges if not edge.source), next(iter(messages)))
        options.setdefault("states", {"start": State("start", ())})
        options.setdefault("probe", messages[first].send())
        return Protocol(name=name, messages=messages, edges=edges, wire=wire or Wire(), callbacks=callbacks, **options)

    def after_case(self) -> AfterCase:
        """The monitor that runs the post_test_case_callbacks."""
        return AfterCase(self, self.post_test_case)

    def named_cases(self, max_depth: int = 1) -> Iterator[NamedCase]:
        """Every combination of up to `max_depth` mutations of one message, each with its bytes, path by path."""
        for path in self.message_paths():
            request = self.nodes[path[-1].dst]
            layout = Layout(request)
            for mutations in _combined(request, max_depth):
                rendered = layout.render(layout.of_mutations(mutations))
                names = tuple(self.nodes[edge.dst].name for edge in path)
                yield NamedCase(case_name(names, mutations), names, mutations, rendered)

    def named_case(self, name: str) -> NamedCase:
        """The case of that name; raises UsageError when there is none."""
        path, wanted = parsed_name(name)
        request = next((request for request in self.requests() if request.name == path[-1]), None)
        if request is None:
            raise UsageError(f"test case '{name}': no message '{path[-1]}' in the session")
        mutations = tuple(_mutation(request, field, index, name) for field, index in wanted)
        layout = Layout(request)
        return NamedCase(name, path, mutations, layout.render(layout.of_mutations(mutations)))

    def message_paths(self) -> Iterator[tuple[Any, ...]]:
        """One path of edges to each edge of the graph: the shortest way to it, each in a tuple of its own."""
        front: list[tuple[Any, ...]] = [(edge,) for edge in self.edges_from(self.root.id)]
        seen: set[int] = set()
        while front:
            path = front.pop(0)
            yield path
            node = path[-1].dst
            if node not in seen:
                seen.add(node)
                front += [(*path, edge) for edge in self.edges_from(node)]

    def num_mutations(self, max_depth: int | None = None) -> int:
        """Single mutations over all paths, counted as they are made."""
        counts: dict[int, int] = {}
        total = 0
        for path in self.message_paths():
            node = path[-1].dst
            if node not in counts:
                counts[node] = sum(1 for _ in _combined(self.nodes[node], 1))
            total += counts[node]
        return total

    def _ways(self) -> dict[str, tuple[str, ...]]:
        """The messages on the shortest way to each."""
        found: dict[str, tuple[str, ...]] = {}
        for path in self.message_paths():
            names = tuple(self.nodes[edge.dst].name for edge in path)
            found.setdefault(names[-1], names[:-1])
        return found

    def _edges(self) -> tuple[tuple[Edge, ...], dict[str, Callback]]:
        edges: list[Edge] = []
        callbacks: dict[str, Callback] = {}
        for edge in self.edges.values():
            source, target = self.nodes[edge.src], self.nodes[edge.dst]
            name = f"{source.name}->{target.name}" if edge.callback else ""
            if edge.callback:
                callbacks[name] = EdgeCallback(self, target, edge)
            edges.append(Edge("" if source is self.root else source.name, target.name, (), name))
        return tuple(edges), callbacks

    def case_target(self, received: bytes) -> CaseTarget:
        """What a callback gets as its target."""
        return CaseTarget(received)


def case_name(path: Sequence[str], mutations: Sequence[Mutation]) -> str:
    """boofuzz's own form; stable whatever crashes before."""
    bent = ", ".join(f"{mutation.qualified_name}:{mutation.index}" for mutation in mutations)
    return f"{'->'.join(path)}:[{bent}]"


def parsed_name(name: str) -> tuple[tuple[str, ...], tuple[tuple[str, int], ...]]:
    """Path and mutations of a case name; raises UsageError."""
    path, _, bent = name.partition(":[")
    if not path or not bent.endswith("]"):
        raise UsageError(f"'{name}' is not a test-case name; one looks like login->order:[order.dose:12]")
    mutations: list[tuple[str, int]] = []
    for part in filter(None, bent[:-1].split(", ")):
        field, _, index = part.rpartition(":")
        if not index.isdigit():
            raise UsageError(f"'{part}' in '{name}' has no index; write order.dose:12")
        mutations.append((field, int(index)))
    return tuple(path.split("->")), tuple(mutations)


def _mutation(request: boofuzz.Request, field: str, index: int, case: str) -> Mutation:
    primitive = request.names.get(field)
    for number, mutations in enumerate(primitive.get_mutations() if primitive else ()):
        if number == index:
            return _bound(request, mutations[0])
    raise UsageError(f"test case '{case}': message '{request.name}' has no mutation {index} of '{field}'")


def _bound(request: boofuzz.Request, mutation: Mutation) -> Mutation:
    """With a late-bound value made now, before the generator's variables move on."""
    value: Any = mutation.value
    if callable(value):
        value = value(request.names[mutation.qualified_name].original_value())
    return Mutation(value, mutation.qualified_name, mutation.index)


def _combined(request: boofuzz.Request, depth: int) -> Iterator[tuple[Mutation, ...]]:
    """Mutations one at a time, then two of different fields, and so on up to `depth`."""
    for count in range(1, depth + 1):
        fields = list(dict.fromkeys(mutations[0].qualified_name for mutations in request.get_mutations()))
        for names in combinations(fields, count):
            if not any(_nested(a, b) for a, b in combinations(names, 2)):
                yield from _products(request, names)


def _nested(a: str, b: str) -> bool:
    """True when one is part of the other; `len` and `len2` are not."""
    return a.startswith(b + ".") or b.startswith(a + ".")


def _products(request: boofuzz.Request, names: Sequence[str]) -> Iterator[tuple[Mutation, ...]]:
    if not names:
        yield ()
        return
    for mutations in request.names[names[0]].get_mutations():
        first = _bound(request, mutations[0])
        for others in _products(request, names[1:]):
            yield (first, *others)


def send_of(protocol: Protocol, case: NamedCase) -> Send:
    """The step that sends a named case's message."""
    return Send(protocol.message(case.path[-1]).name, case.rendered.data, case.rendered.live, case.rendered.spans, True)
