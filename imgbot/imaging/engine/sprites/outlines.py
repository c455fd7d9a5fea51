"""Text format of sprites: an outline per part, with its tone by name.

One line per part, back to front: `tone kind numbers`. The origin is the centre of the feet, y
points up, 100 is about the sprite's height. Kinds: `s` a smooth closed outline through the points
(a point ending in `!` is a corner), `p` a polygon, `o` an ellipse (centre, radii), `l` a smooth
stroke (its width, or first>last width, then the points), `g` a light (centre, reach). An `m`
before the kind adds the mirrored part. A tone ending in `-` or `+` is a shade darker or lighter.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from imgbot.imaging.engine.drawing import Point

_STEPS = 8


@dataclass(frozen=True, slots=True)
class OutlinePart:
    """Area of one tone, or a light if it has a reach."""

    tone: str
    outline: tuple[Point, ...]
    glow_reach: float = 0.0


def parse_outlines(lines: Iterable[str]) -> tuple[OutlinePart, ...]:
    """Parts of a sprite, back to front."""
    parts: list[OutlinePart] = []
    for line in _joined(lines):
        tone, kind, *numbers = line.split()
        part = _PARSERS[kind[-1]](tone, numbers)
        parts.append(part)
        if kind.startswith("m"):
            mirrored = tuple((-x, y) for x, y in part.outline)
            parts.append(OutlinePart(tone, mirrored, part.glow_reach))
    return tuple(parts)


def _joined(lines: Iterable[str]) -> list[str]:
    """Lines joined with their continuation lines."""
    joined: list[str] = []
    for line in filter(None, map(str.strip, lines)):
        if "," in line.split(" ", 1)[0]:
            joined[-1] += f" {line}"
        else:
            joined.append(line)
    return joined


def _point(text: str) -> Point:
    x, y = text.rstrip("!").split(",")
    return float(x), float(y)


def _smooth_part(tone: str, numbers: list[str]) -> OutlinePart:
    points = [_point(number) for number in numbers]
    corners = {index for index, number in enumerate(numbers) if number.endswith("!")}
    return OutlinePart(tone, tuple(_through(points, corners, is_closed=True)))


def _polygon_part(tone: str, numbers: list[str]) -> OutlinePart:
    return OutlinePart(tone, tuple(_point(number) for number in numbers))


def _ellipse_part(tone: str, numbers: list[str]) -> OutlinePart:
    (x, y), (across, up) = _point(numbers[0]), _point(numbers[1])
    turns = [step * math.pi / 20 for step in range(40)]
    return OutlinePart(tone, tuple((x + across * math.cos(t), y + up * math.sin(t)) for t in turns))


def _stroke_part(tone: str, numbers: list[str]) -> OutlinePart:
    first, _, last = numbers[0].partition(">")
    points = _through([_point(number) for number in numbers[1:]], set(), is_closed=False)
    return OutlinePart(tone, tuple(_thick(points, float(first), float(last or first))))


def _light_part(tone: str, numbers: list[str]) -> OutlinePart:
    return OutlinePart(tone, (_point(numbers[0]),), float(numbers[1]))


_PARSERS = {
    "s": _smooth_part,
    "p": _polygon_part,
    "o": _ellipse_part,
    "l": _stroke_part,
    "g": _light_part,
}


def _through(points: list[Point], corners: set[int], *, is_closed: bool) -> list[Point]:
    """Catmull-Rom curve through the points, interrupted at corners."""
    count = len(points)

    def at(index: int) -> Point:
        return points[index % count] if is_closed else points[min(max(index, 0), count - 1)]

    def slope(index: int) -> Point:
        if index % count in corners:
            return (0.0, 0.0)
        (x0, y0), (x1, y1) = at(index - 1), at(index + 1)
        return ((x1 - x0) / 2, (y1 - y0) / 2)

    curve: list[Point] = []
    for index in range(count if is_closed else count - 1):
        (x0, y0), (x1, y1) = at(index), at(index + 1)
        (dx0, dy0), (dx1, dy1) = slope(index), slope(index + 1)
        for step in range(_STEPS):
            t = step / _STEPS
            a, b = 2 * t**3 - 3 * t**2 + 1, t**3 - 2 * t**2 + t
            c, d = 3 * t**2 - 2 * t**3, t**3 - t**2
            curve.append((a * x0 + b * dx0 + c * x1 + d * dx1, a * y0 + b * dy0 + c * y1 + d * dy1))
    return curve if is_closed else [*curve, points[-1]]


def _thick(line: list[Point], first: float, last: float) -> list[Point]:
    """Outline of a stroke with round ends and a width from `first` to `last`."""
    left: list[Point] = []
    right: list[Point] = []
    for index, (x, y) in enumerate(line):
        (x0, y0), (x1, y1) = line[max(0, index - 1)], line[min(len(line) - 1, index + 1)]
        angle = math.atan2(y1 - y0, x1 - x0)
        half = (first + (last - first) * index / (len(line) - 1)) / 2
        across = (-math.sin(angle) * half, math.cos(angle) * half)
        left.append((x + across[0], y + across[1]))
        right.append((x - across[0], y - across[1]))
    return [*left, *_cap(left[-1], right[-1]), *reversed(right), *_cap(right[0], left[0])]


def _cap(start: Point, end: Point) -> list[Point]:
    """Half circle from one side of a stroke to the other, clockwise."""
    centre = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    radius = math.hypot(start[0] - centre[0], start[1] - centre[1])
    angle = math.atan2(start[1] - centre[1], start[0] - centre[0])
    return [
        (
            centre[0] + radius * math.cos(angle - step * math.pi / 6),
            centre[1] + radius * math.sin(angle - step * math.pi / 6),
        )
        for step in range(1, 6)
    ]
