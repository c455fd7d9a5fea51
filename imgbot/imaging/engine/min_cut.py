"""Minimum cut of a small graph by Dinic's algorithm."""

from collections import deque

SOURCE, SINK = 0, 1
_NOTHING = 1e-6


class FlowGraph:
    """Capacities between numbered nodes, of which 0 is the source and 1 the sink."""

    def __init__(self, node_count: int) -> None:
        self._edges: list[list[int]] = [[] for _ in range(node_count)]
        self._targets: list[int] = []
        self._capacities: list[float] = []

    def connect(self, one: int, other: int, capacity: float, reverse: float = 0.0) -> None:
        """Add an edge; each edge's reverse has its number with the last bit flipped."""
        for node, target, room in ((one, other, capacity), (other, one, reverse)):
            self._edges[node].append(len(self._targets))
            self._targets.append(target)
            self._capacities.append(room)

    def source_side(self) -> frozenset[int]:
        """Nodes on the source's side of the minimum cut; uses the capacities up."""
        while SINK in (levels := self._levels()):
            following = [0] * len(self._edges)
            while path := self._find_path(levels, following):
                self._push(path)
        return frozenset(levels)

    def _levels(self) -> dict[int, int]:
        """Distance from the source in edges, of the nodes that it still reaches."""
        levels = {SOURCE: 0}
        queue = deque([SOURCE])
        while queue:
            node = queue.popleft()
            for edge in self._edges[node]:
                target = self._targets[edge]
                if self._capacities[edge] > _NOTHING and target not in levels:
                    levels[target] = levels[node] + 1
                    queue.append(target)
        return levels

    def _find_path(self, levels: dict[int, int], following: list[int]) -> list[int]:
        """Edges of a shortest path to the sink; `following` is each node's next edge to try."""
        path: list[int] = []
        node = SOURCE
        while node != SINK:
            edge = self._next_edge(node, levels, following)
            if edge is not None:
                path.append(edge)
                node = self._targets[edge]
            elif path:
                node = self._targets[path.pop() ^ 1]
                following[node] += 1
            else:
                break
        return path

    def _next_edge(self, node: int, levels: dict[int, int], following: list[int]) -> int | None:
        edges = self._edges[node]
        while following[node] < len(edges):
            edge = edges[following[node]]
            is_onward = levels.get(self._targets[edge]) == levels[node] + 1
            if is_onward and self._capacities[edge] > _NOTHING:
                return edge
            following[node] += 1
        return None

    def _push(self, path: list[int]) -> None:
        room = min(self._capacities[edge] for edge in path)
        for edge in path:
            self._capacities[edge] -= room
            self._capacities[edge ^ 1] += room
