from collections.abc import Iterable
from typing import Any

from boofuzz.mutation import Mutation
from boofuzz.protocol_session import ProtocolSession

class MutationContext:
    mutations: dict[str, Mutation]
    message_path: list[Any]
    protocol_session: ProtocolSession | None
    def __init__(
        self,
        mutations: dict[str, Mutation] | Iterable[Mutation] = ...,
        message_path: list[Any] = ...,
        protocol_session: ProtocolSession | None = None,
    ) -> None: ...
