from typing import Any

class ProtocolSession:
    session_variables: dict[str, Any]
    previous_message: Any
    current_message: Any
    def __init__(
        self, session_variables: dict[str, Any] = ..., previous_message: Any = None, current_message: Any = None
    ) -> None: ...
