from typing import Any

class Node:
    id: int
    number: int
    label: str | None
    name: str
    def __init__(self, node_id: int | None = None) -> None: ...

class Edge:
    id: int
    src: int
    dst: int
    def __init__(self, src: int, dst: int) -> None: ...

class Graph:
    nodes: dict[int, Any]
    edges: dict[int, Any]
    def __init__(self, graph_id: int | None = None) -> None: ...
    def add_edge(self, graph_edge: Edge, prevent_dups: bool = True) -> Any: ...
    def edges_from(self, edge_id: int) -> list[Any]: ...
    def find_node(self, attribute: str, value: Any) -> Any: ...
