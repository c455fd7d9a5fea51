"""Connected components: of a graph, and of the pixels of a mask."""

import re
from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from PIL import Image

_Run = tuple[int, int, int]


class Component(NamedTuple):
    """Pixels of one value that touch each other: their rows, starts and ends (exclusive)."""

    runs: list[_Run]

    @property
    def area_px(self) -> int:
        return sum(end - start for _, start, end in self.runs)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Its right and bottom are exclusive."""
        rows, starts, ends = zip(*self.runs, strict=True)
        return min(starts), min(rows), max(ends), max(rows) + 1

    @property
    def size(self) -> tuple[int, int]:
        left, top, right, bottom = self.box
        return right - left, bottom - top


def connected(neighbours: Mapping[int, Iterable[int]]) -> list[list[int]]:
    """Connected groups of the nodes of a graph, in the order of their first nodes."""
    seen: set[int] = set()
    groups: list[list[int]] = []
    for start in neighbours:
        if start in seen:
            continue
        seen.add(start)
        group = [start]
        for node in group:
            for each in neighbours[node]:
                if each not in seen:
                    seen.add(each)
                    group.append(each)
        groups.append(group)
    return groups


def find_components(mask: Image.Image, value: int, *, is_diagonal: bool) -> list[Component]:
    """Components of the pixels of a mask (L) that have the value, from the top.

    They touch by their sides, and if `is_diagonal` by their corners.
    """
    # A column of another value ends the runs of each row, so that they are found in one search.
    width = mask.width + 1
    framed = Image.new("L", (width, mask.height), 255 - value)
    framed.paste(mask)
    spans: list[tuple[int, int]] = []
    neighbours: dict[int, list[int]] = {}
    above: deque[int] = deque()
    reach = width + is_diagonal
    for number, found in enumerate(re.finditer(re.escape(bytes([value])) + b"+", framed.tobytes())):
        start, end = span = found.span()
        while above and spans[above[0]][1] + reach <= start:
            above.popleft()
        touching: list[int] = []
        for other in above:
            if spans[other][0] + width >= end + is_diagonal:
                break
            touching.append(other)
            neighbours[other].append(number)
        neighbours[number] = touching
        above.append(number)
        spans.append(span)
    runs = [(start // width, start % width, start % width + end - start) for start, end in spans]
    return [Component([runs[number] for number in group]) for group in connected(neighbours)]
