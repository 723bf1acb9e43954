"""A boofuzz Session that defines a protocol and leaves the running to medfuzz: boofuzz's graph, names and mutations."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any
from urllib.parse import unquote

import boofuzz
from boofuzz.mutation import Mutation
from boofuzz.pgraph import Graph, Node

from fuzzers.callbacks import AfterCase, BeforeCase, Complaint, EdgeCallback, Log
from fuzzers.home import Home
from fuzzers.stand_ins import AcceptedMonitor, ScriptTarget
from harness.case import Send
from harness.errors import UsageError
from harness.interfaces import AFTER_CASE, BEFORE_CASE, ON_CONNECTION, Callback, State
from protocols.model import Edge, Message, Protocol, messages_by_name
from protocols.render import Layout, Rendered
from protocols.wire import Wire

ROOT = "__ROOT_NODE__"
_OPTIONS = inspect.signature(boofuzz.Session.__init__)
_INSTEAD = {
    "restart_callbacks": "give [target] in the bench a reset_command",
    "post_start_target_callbacks": "do it in pre_send_callbacks, or in the bench's reset_command",
}


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
    send time, when `last_recv` is known. `fuzz()` does nothing: the campaign does it. Raises UsageError for an option
    that does not exist, or that would do something to the device which medfuzz does not do.
    """

    exec_speed = runtime = 0.0

    def __init__(self, *placed: Any, **options: Any) -> None:
        Graph.__init__(self)
        given = _given(placed, options)
        vars(self).update(given)  # scripts read their options back
        self.root = Node()
        self.root.label = self.root.name = ROOT
        self.add_node(self.root)
        self.last_recv: bytes | None = None
        self.last_send: bytes | None = None
        self.fuzz_node: Any = None
        self.total_mutant_index = self.mutant_index = self.total_num_mutations = self.num_cases_actually_fuzzed = 0
        self.targets: list[Any] = [] if given["target"] is None else [given["target"]]
        self.pre_send: list[Callable[..., Any]] = list(given["pre_send_callbacks"] or ())
        self.post_test_case: list[Callable[..., Any]] = list(given["post_test_case_callbacks"] or ())
        self.reads_answers = bool(given["receive_data_after_each_request"])
        self.reads_fuzzed = bool(given["receive_data_after_fuzz"])
        self.reconnects = not given["reuse_target_connection"]
        self.home: Home | None = None
        self.log = self._fuzz_data_logger = Log()
        self.complaints: list[Complaint] = []

    @property
    def case_target(self) -> ScriptTarget:
        """What a callback gets as its target and sock: the script's own where it has one."""
        if not self.targets or not isinstance(self.targets[0], ScriptTarget):
            self.targets[:1] = [ScriptTarget(monitors=getattr(self.targets[0], "monitors", ()) if self.targets else ())]
        return self.targets[0]

    @property
    def monitors(self) -> list[Any]:
        """The script's own monitors; boofuzz's process and network monitors are the bench's business."""
        return [
            one
            for target in self.targets
            for one in getattr(target, "monitors", ())
            if not isinstance(one, AcceptedMonitor)
        ]

    def add_target(self, target: Any) -> None:
        """Keeps the target for callbacks; nothing is started."""
        self.targets.append(target)

    def register_post_test_case_callback(self, method: Callable[..., Any]) -> None:
        """Runs after each case, in the campaign."""
        self.post_test_case.append(method)

    def fuzz(self, name: str | None = None, max_depth: int | None = None) -> None:
        """Does nothing: `medfuzz run` does the fuzzing."""

    def fuzz_by_name(self, name: str) -> None:
        """Does nothing: `medfuzz run` does the fuzzing."""

    def fuzz_single_case(self, mutant_index: int) -> None:
        """Does nothing: `medfuzz run` does the fuzzing."""

    def feature_check(self) -> None:
        """Does nothing: `medfuzz check` does that."""

    def _unsupported(self, *_: Any, **__: Any) -> None:
        names = (
            "transmit_normal, transmit_fuzz, test_case_data, server_init, build_webapp_thread, import_ and export_file"
        )
        raise UsageError(f"of boofuzz's Session, {names} are not supported; take the call out of the script")

    transmit_normal = transmit_fuzz = test_case_data = server_init = build_webapp_thread = _unsupported
    import_file = export_file = _unsupported

    @property
    def messages(self) -> list[str]:
        """Names of the messages of the graph."""
        return [node.name for node in self.nodes.values() if isinstance(node, boofuzz.Request)]

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
        options.setdefault("reconnect", self.reconnects)
        options.setdefault("notes", self._notes())
        made = Protocol(name=name, messages=messages, edges=edges, wire=wire or Wire(), callbacks=callbacks, **options)
        return replace(made, probe=made.follow("", made.probe))

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
                callbacks[name] = EdgeCallback(self, edge)
            edges.append(Edge("" if source is self.root else source.name, target.name, (), name))
        if self.pre_send or self.monitors:
            callbacks[ON_CONNECTION if self.reconnects else BEFORE_CASE] = BeforeCase(self)
        if callbacks or self.post_test_case:
            callbacks[AFTER_CASE] = AfterCase(self)
        return tuple(edges), callbacks

    def _notes(self) -> tuple[str, ...]:
        """What the script asks of boofuzz's monitors, which are not run: that is the bench's business."""
        accepted = [one for target in self.targets for one in getattr(target, "monitors", ()) if _is_accepted(one)]
        wishes = [f"{name} = {value!r}" for one in accepted for name, value in one.server_options.items()]
        words = 'boofuzz\'s process monitor is not run; a [target] of kind = "process" starts and watches the device'
        return (f"{words} ({', '.join(wishes)})" if wishes else words,) if accepted else ()

    def last_two(self, names: Sequence[str]) -> tuple[Any, Any]:
        """The nodes of the last message but one and of the last that a case has sent."""
        by_name = {node.name: node for node in self.nodes.values()}
        first, last = [None, self.root, *(by_name[name] for name in names if name in by_name)][-2:]
        return first, last


def _is_accepted(monitor: object) -> bool:
    return isinstance(monitor, AcceptedMonitor)


def _given(placed: Sequence[Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Session's arguments by name; raises UsageError for those that are not there or not supported."""
    try:
        bound = _OPTIONS.bind(None, *placed, **options)
    except TypeError as error:
        raise UsageError(f"boofuzz's Session(): {error}") from error
    bound.apply_defaults()
    given = {name: value for name, value in bound.arguments.items() if name != "self"}
    for name, instead in _INSTEAD.items():
        if given.get(name):
            raise UsageError(f"Session({name}=…) is not supported: take it out, and {instead}")
    return given


def case_name(path: Sequence[str], mutations: Sequence[Mutation]) -> str:
    """boofuzz's own form; stable whatever crashes before."""
    bent = ", ".join(f"{_quoted(mutation.qualified_name)}:{mutation.index}" for mutation in mutations)
    return f"{'->'.join(map(_quoted, path))}:[{bent}]"


def _quoted(name: str) -> str:
    """With what a case name is read back by in percent signs."""
    return re.sub(r"[%:,\[\]\s]|->", lambda found: "".join(f"%{ord(sign):02x}" for sign in found[0]), name)


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
        mutations.append((unquote(field), int(index)))
    return tuple(map(unquote, path.split("->"))), tuple(mutations)


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
