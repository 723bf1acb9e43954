"""The part of boofuzz 0.4.2 that medfuzz touches."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from boofuzz import pedrpc as pedrpc
from boofuzz.mutation import Mutation
from boofuzz.mutation_context import MutationContext
from boofuzz.pgraph import Graph, Node
from boofuzz.protocol_session import ProtocolSession

class ProtocolSessionReference:
    name: str
    default_value: Any
    def __init__(self, name: str, default_value: Any) -> None: ...

class Fuzzable:
    name: str
    context_path: str
    request: Request | None
    _default_value: Any
    _fuzz_values: list[Any]
    def __init__(
        self,
        name: str | None = None,
        default_value: Any = None,
        fuzzable: bool = True,
        fuzz_values: list[Any] | None = None,
    ) -> None: ...
    @property
    def fuzzable(self) -> bool: ...
    @property
    def qualified_name(self) -> str: ...
    def original_value(self, test_case_context: ProtocolSession | None = None) -> Any: ...
    def get_mutations(self) -> Iterator[list[Mutation]]: ...
    def get_num_mutations(self) -> int: ...
    def get_value(self, mutation_context: MutationContext | None = None) -> Any: ...
    def render(self, mutation_context: MutationContext | None = None) -> bytes: ...
    def mutations(self, default_value: Any) -> Iterable[Any]: ...
    def num_mutations(self, default_value: Any) -> int: ...
    def encode(self, value: Any, mutation_context: MutationContext | None) -> bytes: ...

class FuzzableBlock(Fuzzable):
    stack: list[Fuzzable]
    def __init__(
        self,
        name: str | None = None,
        request: Request | None = None,
        children: Fuzzable | Iterable[Fuzzable] | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> None: ...

class Block(FuzzableBlock):
    group: str | None
    encoder: Callable[[bytes], bytes] | None
    dep: str | None
    def __init__(
        self,
        name: str | None = None,
        default_value: Any = None,
        request: Request | None = None,
        children: Fuzzable | Iterable[Fuzzable] | None = None,
        group: str | None = None,
        encoder: Callable[[bytes], bytes] | None = None,
        dep: str | None = None,
        dep_value: bytes | None = None,
        dep_values: list[bytes] | None = None,
        dep_compare: str = "==",
        *args: Any,
        **kwargs: Any,
    ) -> None: ...

class Aligned(FuzzableBlock): ...

class Request(FuzzableBlock, Node):
    names: dict[str, Fuzzable]
    mutant: Fuzzable | None
    def __init__(self, name: str | None = None, children: Fuzzable | Iterable[Fuzzable] | None = None) -> None: ...
    def resolve_name(self, context_path: str, name: str) -> Fuzzable: ...
    def push(self, item: Fuzzable) -> None: ...
    def walk(self, stack: Sequence[Fuzzable] | None = None) -> Iterator[Fuzzable]: ...
    def get_mutations(
        self, default_value: Any = None, skip_elements: Iterable[str] | None = None
    ) -> Iterator[list[Mutation]]: ...

class BasePrimitive(Fuzzable):
    _fuzz_library: list[Any]

class BitField(Fuzzable):
    width: int
    max_num: int
    endian: str
    format: str
    signed: bool
    full_range: bool
    def __init__(
        self,
        name: str | None = None,
        default_value: Any = 0,
        width: int = 8,
        max_num: int | None = None,
        endian: str = "<",
        output_format: str = "binary",
        signed: bool = False,
        full_range: bool = False,
        *args: Any,
        **kwargs: Any,
    ) -> None: ...

class _Integer(BitField):
    def __init__(
        self,
        name: str | None = None,
        default_value: Any = 0,
        max_num: int | None = None,
        endian: str = "<",
        output_format: str = "binary",
        signed: bool = False,
        full_range: bool = False,
        *args: Any,
        **kwargs: Any,
    ) -> None: ...

class Byte(_Integer): ...
class Word(_Integer): ...
class DWord(_Integer): ...
class QWord(_Integer): ...

class Bytes(Fuzzable):
    size: int | None
    max_len: int | None
    def __init__(
        self,
        name: str | None = None,
        default_value: Any = b"",
        size: int | None = None,
        padding: bytes = b"\x00",
        max_len: int | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> None: ...

class String(Fuzzable):
    size: int | None
    max_len: int | None
    encoding: str
    def __init__(
        self,
        name: str | None = None,
        default_value: Any = "",
        size: int | None = None,
        padding: bytes | str = b"\x00",
        encoding: str = "utf-8",
        max_len: int | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> None: ...

class Delim(BasePrimitive):
    def __init__(self, name: str | None = None, default_value: Any = " ", *args: Any, **kwargs: Any) -> None: ...

class Static(Fuzzable): ...
class Simple(Fuzzable): ...
class RandomData(Fuzzable): ...

class Group(BasePrimitive):
    values: list[bytes]
    def __init__(
        self,
        name: str | None = None,
        values: Sequence[bytes | str] | None = None,
        default_value: Any = None,
        encoding: str = "ascii",
        *args: Any,
        **kwargs: Any,
    ) -> None: ...

class Mirror(BasePrimitive):
    def __init__(
        self, name: str | None = None, primitive_name: str | None = None, *args: Any, **kwargs: Any
    ) -> None: ...

class Repeat(Fuzzable): ...

class Size(Fuzzable):
    block_name: str | None
    offset: int
    length: int
    endian: str
    format: str
    inclusive: bool
    signed: bool
    math: Callable[[int], int]
    bit_field: BitField
    def __init__(
        self,
        name: str | None = None,
        block_name: str | None = None,
        request: Request | None = None,
        offset: int = 0,
        length: int = 4,
        endian: str = "<",
        output_format: str = "binary",
        inclusive: bool = False,
        signed: bool = False,
        math: Callable[[int], int] | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> None: ...

class Checksum(BasePrimitive):
    _block_name: str | None
    _algorithm: str | Callable[[bytes], bytes]
    _length: int
    _ipv4_src_block_name: str | None
    _ipv4_dst_block_name: str | None
    def __init__(
        self,
        name: str | None = None,
        block_name: str | None = None,
        request: Request | None = None,
        algorithm: str | Callable[[bytes], bytes] = "crc32",
        length: int = 0,
        endian: str = "<",
        *args: Any,
        **kwargs: Any,
    ) -> None: ...
    def _checksum(self, data: bytes, ipv4_src: bytes | None, ipv4_dst: bytes | None) -> bytes: ...

class Target: ...

class BaseMonitor:
    def __init__(self) -> None: ...

class ProcessMonitor(BaseMonitor): ...
class NetworkMonitor(BaseMonitor): ...
class ProcessMonitorLocal(BaseMonitor): ...

def open_test_run(db_filename: str, port: int = ..., address: str = ...) -> None: ...

class Session(Graph):
    root: Node
    nodes: dict[int, Any]
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    def add_node(self, node: Node) -> Any: ...
    def connect(
        self,
        src: Node | str,
        dst: Node | str | None = None,
        callback: Callable[..., Any] | None = None,
    ) -> Any: ...
