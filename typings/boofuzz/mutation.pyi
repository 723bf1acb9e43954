from typing import Any

class Mutation:
    value: Any
    qualified_name: str
    index: int
    def __init__(self, value: Any, qualified_name: str, index: int) -> None: ...
