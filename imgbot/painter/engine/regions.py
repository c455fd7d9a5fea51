"""Superpixels: a small picture as a graph of regions of one colour; and its minimum cut."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from PIL import Image, ImageFilter

MeanColour = tuple[float, ...]

# YCbCr to units near those of CIELAB, in which a difference of one is just noticeable.
UNITS = (0.39, 0.8, 0.8)

_AREA_MIN_PX = 16
# Felzenszwalb and Huttenlocher's k: larger makes larger regions.
_MERGE_SCALE = 60.0


@dataclass(slots=True)
class Region:
    """One superpixel; places are shares of the width and of the height."""

    area_px: int = 0
    colour: MeanColour = (0.0, 0.0, 0.0)
    x: float = 0.0
    y: float = 0.0
    border_px: float = 0.0
    """Pixels on the picture's border, weighted."""
    neighbours: dict[int, int] = field(default_factory=dict)
    """Length of the common boundary in pixels, by the neighbour's number."""


def find_regions(image: Image.Image) -> tuple[list[Region], list[int]]:
    """Regions of a small picture (RGB), split along its edges, and each pixel's region.

    Merges pixels along their weakest edges (Felzenszwalb and Huttenlocher 2004, "Efficient
    Graph-Based Image Segmentation"), with a largest size.
    """
    labels = _label(image)
    regions = [Region() for _ in range(max(labels) + 1)]
    _sum_up(image, labels, regions)
    _connect(image.size, labels, regions)
    return regions, labels


def _colours(image: Image.Image) -> list[MeanColour]:
    bands = zip(image.convert("YCbCr").split(), UNITS, strict=True)
    scaled = ([value * unit for value in band.tobytes()] for band, unit in bands)
    return list(zip(*scaled, strict=True))


def _label(image: Image.Image) -> list[int]:
    """Region number of each pixel, from 0 without gaps."""
    count = image.width * image.height
    # The blur takes noise and JPEG blocks out of the edges, here by their colour distances.
    colours = _colours(image.filter(ImageFilter.GaussianBlur(0.8)))
    pairs = _neighbours(image.size)
    edges = sorted((math.dist(colours[one], colours[other]), one, other) for one, other in pairs)
    # Union-find over pixels, with each set's size and the weakest edge that joins it on.
    parents, sizes, limits = list(range(count)), [1] * count, [_MERGE_SCALE] * count

    def find(node: int) -> int:
        while parents[node] != node:
            parents[node] = parents[parents[node]]
            node = parents[node]
        return node

    def join(one: int, other: int, weight: float) -> None:
        parents[other] = one
        sizes[one] += sizes[other]
        limits[one] = weight + _MERGE_SCALE / sizes[one]

    # A region is at most this share of the picture, so that no leak through a weak edge goes far.
    area_max = max(4 * _AREA_MIN_PX, round(count * 0.008))
    for weight, one, other in edges:
        first, second = find(one), find(other)
        fits = weight <= limits[first] and weight <= limits[second]
        if first != second and fits and sizes[first] + sizes[second] <= area_max:
            join(first, second, weight)
    for weight, one, other in edges:
        first, second = find(one), find(other)
        if first != second and min(sizes[first], sizes[second]) < _AREA_MIN_PX:
            join(first, second, weight)
    numbers: dict[int, int] = {}
    return [numbers.setdefault(find(place), len(numbers)) for place in range(count)]


def _neighbours(size: tuple[int, int]) -> list[tuple[int, int]]:
    width, height = size
    rows = [range(top, top + width) for top in range(0, width * height, width)]
    across = [pair for row in rows for pair in pairwise(row)]
    return across + [(place, place + width) for place in range(width * (height - 1))]


def _sum_up(image: Image.Image, labels: Sequence[int], regions: Sequence[Region]) -> None:
    """Each region's area, border, mean colour and mean place."""
    width, height = image.size
    sums = [[0.0] * 5 for _ in regions]
    for place, (label, colour) in enumerate(zip(labels, _colours(image), strict=True)):
        row, column = divmod(place, width)
        total, region = sums[label], regions[label]
        for axis, value in enumerate((*colour, column, row)):
            total[axis] += value
        region.area_px += 1
        if row in (0, height - 1) or column in (0, width - 1):
            # Subjects often leave the picture at the bottom: there, and in the lower half of the
            # sides, a pixel weighs less, down to a tenth.
            lowness = min(1.0, max(0.0, 4 * (row / height - 0.5)))
            region.border_px += 1 - 0.9 * lowness
    for region, total in zip(regions, sums, strict=True):
        *colour, columns, rows = (value / region.area_px for value in total)
        region.colour = tuple(colour)
        region.x, region.y = columns / width, rows / height


def _connect(size: tuple[int, int], labels: Sequence[int], regions: Sequence[Region]) -> None:
    for place, next_place in _neighbours(size):
        one, other = labels[place], labels[next_place]
        if one != other:
            for label, neighbour in ((one, other), (other, one)):
                lengths = regions[label].neighbours
                lengths[neighbour] = lengths.get(neighbour, 0) + 1


SOURCE, SINK = 0, 1
_NOTHING = 1e-6


def source_side(rooms: Sequence[dict[int, float]]) -> frozenset[int]:
    """Nodes on the source's side of the minimum cut; uses up the room between nodes (Dinic)."""

    def push(node: int, most: float) -> float:
        """Push a flow to the sink along shortest paths; how much has gone."""
        if node == SINK:
            return most
        while ways[node]:
            other = ways[node][-1]
            room = rooms[node][other] if levels.get(other) == levels[node] + 1 else 0.0
            if room > _NOTHING and (gone := push(other, min(most, room))):
                rooms[node][other] -= gone
                rooms[other][node] = rooms[other].get(node, 0.0) + gone
                return gone
            ways[node].pop()
        return 0.0

    while SINK in (levels := _levels(rooms)):
        ways = [list(room) for room in rooms]
        while push(SOURCE, math.inf):
            pass
    return frozenset(levels)


def _levels(rooms: Sequence[dict[int, float]]) -> dict[int, int]:
    """Distance from the source in steps, of the nodes that it still reaches."""
    levels = {SOURCE: 0}
    queue = [SOURCE]
    for node in queue:
        found = [each for each, room in rooms[node].items() if room > _NOTHING]
        queue += [each for each in found if each not in levels]
        levels |= {each: levels[node] + 1 for each in found if each not in levels}
    return levels
