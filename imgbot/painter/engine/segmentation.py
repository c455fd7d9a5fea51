"""Foreground segmentation without a neural network: saliency, colour models, graph cut.

Saliency by boundary connectivity (Zhu et al. 2014, "Saliency Optimization from Robust Background
Detection"), then colour models of foreground and background and the minimum cut between them, in
turns (Rother et al. 2004, "GrabCut"), over superpixels of a small copy.
"""

import heapq
import math
from collections.abc import Callable, Sequence
from itertools import chain

from PIL import Image, ImageChops

from imgbot.painter.components import connected, find_components
from imgbot.painter.engine import subject_network
from imgbot.painter.engine.drawing import colour_at, scaled, share_of
from imgbot.painter.engine.regions import SINK, SOURCE, UNITS, Region, find_regions, source_side
from imgbot.painter.engine.subject_network import SubjectMask

Property = tuple[float, ...]

_STRIP_SHARE = 0.04
_COPIES = ((260, 0), (260, _STRIP_SHARE), (225, _STRIP_SHARE), (195, 0), (165, _STRIP_SHARE))
"""Longer side of each copy that is segmented, and height of a strip of background above it: for a
head that touches the picture's edge."""

_HALF = tuple(255 * (value >= 128) for value in range(256))
# Standard deviation of geodesic colour distance (that of Zhu et al. for finer regions).
_GEODESIC_SIGMA = 6.0

# Skin in Cb and Cr (Chai and Ngan 1999).
_SKIN_BLUE, _SKIN_RED = (77, 127), (133, 173)


# Confidence from which a subject is certain; below it the mask is a guess.
CERTAIN = 0.75


def find_subject(image: Image.Image) -> SubjectMask:
    """Find the main subject of a picture (RGB), by the extra `cutout` if it is installed."""
    small = _reduced(image, 300)
    salience = subject_network.salience(small)
    found = SubjectMask(Image.new("L", small.size), 0.0)
    if salience:
        found = SubjectMask(salience.mask.point(_HALF), salience.confidence)
    # Beyond doubt, the slower search is not made as well.
    if found.confidence < 0.9:
        found = max(found, _find_by_regions(image), key=lambda each: each.confidence)
    return found._replace(mask=_without_sky(found.mask))


def _without_sky(mask: Image.Image) -> Image.Image:
    """Mask without what is small beside the subject and wholly above it: the moon, birds."""
    found = find_components(mask, 255, is_diagonal=True)
    subject = max(found, key=lambda each: each.area_px, default=None)
    for each in found:
        if subject and each.box[3] <= subject.box[1] and each.area_px < subject.area_px / 4:
            for row, start, end in each.runs:
                mask.paste(0, (start, row, end, row + 1))
    return mask


def _find_by_regions(image: Image.Image) -> SubjectMask:
    """Subject by a vote of cuts of several copies.

    One cut alone may lose a head, or not, with each compression of the same photo.
    """
    found = [_subject_of_copy(image, *copy) for copy in _COPIES]
    size = found[0][0].size
    masks = [mask.resize(size, Image.Resampling.BILINEAR) for mask, _ in found]
    votes = masks[0]
    for count, mask in enumerate(masks[1:], 2):
        votes = Image.blend(votes, mask, 1 / count)
    mask = votes.point(_HALF)
    agreement = sum(_overlap(mask, each.point(_HALF)) for each in masks) / len(masks)
    is_clear = 2 * sum(clear for _, clear in found) > len(found)
    confidence = agreement if is_clear else agreement / 2
    return SubjectMask(mask, confidence if mask.getbbox() else 0.0)


def _subject_of_copy(image: Image.Image, side_px: int, strip: float) -> tuple[Image.Image, bool]:
    """Mask of the subject in one of the copies, and True if the subject is clear."""
    small = _reduced(image, side_px)
    mask, is_clear = _subject_mask(_with_strip(small, strip) if strip else small)
    return mask.crop((0, mask.height - small.height, *mask.size)), is_clear


def _reduced(image: Image.Image, side_px: int) -> Image.Image:
    size = scaled(image.size, min(1.0, side_px / max(image.size)))
    return image.resize(size, Image.Resampling.BOX)


def _overlap(one: Image.Image, other: Image.Image) -> float:
    """Area common to two masks, as a share of that of either."""
    shared = share_of(ImageChops.darker(one, other))
    either = share_of(ImageChops.lighter(one, other))
    return shared / either if either else 0.0


def _subject_mask(image: Image.Image) -> tuple[Image.Image, bool]:
    regions, labels = find_regions(image)
    background = _background_probabilities(regions)
    front = _without_specks(regions, _cut(regions, _priors(regions, background)))
    mask = Image.new("L", image.size)
    mask.putdata([255 if front[label] else 0 for label in labels])
    return mask, _is_clear(regions, front, background)


def _with_strip(small: Image.Image, share: float) -> Image.Image:
    """The copy below a strip in the colours of its upper corners."""
    strip_px = max(1, round(small.height * share))
    upper = small.resize((10, 20), Image.Resampling.BOX)
    corners = Image.new("RGB", (2, 1))
    corners.putdata([colour_at(upper, 0, 0), colour_at(upper, 9, 0)])
    extended = Image.new("RGB", (small.width, small.height + strip_px))
    extended.paste(corners.resize((small.width, strip_px), Image.Resampling.BILINEAR))
    extended.paste(small, (0, strip_px))
    return extended


def _background_probabilities(regions: Sequence[Region]) -> list[float]:
    """Probability of background by boundary connectivity (border length against size)."""
    steps = _geodesic_steps(regions)
    probabilities: list[float] = []
    for start in range(len(regions)):
        area = border = 0.0
        for number, distance in _reach(steps, start, 3 * _GEODESIC_SIGMA).items():
            weight = _gauss(distance / _GEODESIC_SIGMA)
            area += weight * regions[number].area_px
            border += weight * regions[number].border_px
        probabilities.append(1 - _gauss(border / math.sqrt(area)))
    return probabilities


def _gauss(deviations: float) -> float:
    return math.exp(-(deviations**2) / 2)


def _geodesic_steps(regions: Sequence[Region]) -> list[list[tuple[int, float]]]:
    """Colour steps between neighbours, and between all regions of the upper border."""
    nearest = [
        min((math.dist(region.colour, regions[n].colour) for n in region.neighbours), default=0.0)
        for region in regions
    ]
    # Many small steps through one surface must not add up.
    free = sum(nearest) / len(nearest)
    border = [n for n, region in enumerate(regions) if region.border_px and region.y < 0.5]
    return [
        [
            (other, max(0.0, math.dist(region.colour, regions[other].colour) - free))
            for other in (*region.neighbours, *(border if number in border else ()))
        ]
        for number, region in enumerate(regions)
    ]


def _reach(
    steps: Sequence[Sequence[tuple[int, float]]], start: int, distance_max: float
) -> dict[int, float]:
    """Distances of regions nearer than `distance_max`, by Dijkstra's algorithm."""
    best = {start: 0.0}
    heap = [(0.0, start)]
    while heap:
        distance, number = heapq.heappop(heap)
        if distance > best[number]:
            continue
        for other, step in steps[number]:
            if distance + step < best.get(other, distance_max):
                best[other] = distance + step
                heapq.heappush(heap, (distance + step, other))
    return best


def _priors(regions: Sequence[Region], background: Sequence[float]) -> list[float]:
    """Evidence for foreground before any colour model, positive where it is likely."""
    contrasts = _contrasts(regions, background)
    threshold = _otsu_threshold(contrasts, [region.area_px for region in regions])
    placed = zip(regions, map(_place_probability, regions), background, contrasts, strict=True)
    # Evidence for foreground in log likelihood per pixel: by contrast, by boundary connectivity, by
    # place, by skin colour; chosen by looking at the cuts of 19 photographs.
    return [
        _limit(
            6.0 * (contrast - threshold)
            + 2.0 * (0.5 - probability)
            + 3.0 * (place - 0.5)
            + 3.0 * place * _is_skin(region.colour),
            2.5,
        )
        for region, place, probability, contrast in placed
    ]


def _limit(value: float, most: float) -> float:
    return max(-most, min(most, value))


def _contrasts(regions: Sequence[Region], background: Sequence[float]) -> list[float]:
    """Contrast to the background nearby, stretched to 0 to 1; lower off the centre."""
    # Standard deviations in shares of the picture's sides; the first is that of Zhu et al.
    space_sigma, centre_sigma = 0.25, 0.45
    contrasts: list[float] = []
    for region in regions:
        contrast = sum(
            math.dist(region.colour, other.colour)
            * _gauss(math.hypot(region.x - other.x, region.y - other.y) / space_sigma)
            * probability
            * other.area_px
            for other, probability in zip(regions, background, strict=True)
        )
        down = region.y - 0.5
        off_centre = math.hypot(region.x - 0.5, down * (0.6 if down > 0 else 1))
        contrasts.append(contrast * _gauss(off_centre / centre_sigma))
    low, high = min(contrasts), max(contrasts)
    return [(contrast - low) / max(1e-6, high - low) for contrast in contrasts]


def _place_probability(region: Region) -> float:
    """Prior by position: high in the middle, wider towards the bottom, low at the top."""
    width = 0.2 + 0.15 * region.y
    return _gauss((region.x - 0.5) / width) * min(1.0, region.y / 0.3)


def _is_skin(colour: Property) -> bool:
    blue, red = colour[1] / UNITS[1], colour[2] / UNITS[2]
    is_tone = _SKIN_BLUE[0] <= blue <= _SKIN_BLUE[1] and _SKIN_RED[0] <= red <= _SKIN_RED[1]
    return is_tone and colour[0] > 20


def _otsu_threshold(values: Sequence[float], areas: Sequence[int]) -> float:
    """Otsu's threshold: the largest variance between the two groups, by area."""
    total = sum(areas)
    moment = sum(value * area for value, area in zip(values, areas, strict=True))
    below = below_moment = best = 0.0
    threshold = 0.5
    for value, area in sorted(zip(values, areas, strict=True))[:-1]:
        below += area
        below_moment += value * area
        variance = (moment * below / total - below_moment) ** 2 / (below * (total - below))
        if variance > best:
            best, threshold = variance, value
    return threshold


def _cut(regions: Sequence[Region], priors: Sequence[float]) -> list[bool]:
    """True for each region that is foreground: GrabCut's turns of modelling and cutting."""
    # The picture's side in units of colour, which separates similar colours that are far apart.
    units = 24.0
    features = [(*region.colour, region.x * units, region.y * units) for region in regions]
    boundaries = _boundaries(regions)
    # The first foreground model is made of what has this much evidence.
    front = [prior > 0.5 for prior in priors]
    for _ in range(4):
        if all(front) or not any(front):
            break
        near = _colour_model(features, regions, front, is_front=True)
        far = _colour_model(features, regions, front, is_front=False)
        rooms: list[dict[int, float]] = [{} for _ in range(len(regions) + 2)]
        for number, (feature, prior) in enumerate(zip(features, priors, strict=True)):
            evidence = prior + _limit(near(feature) - far(feature), 6.0)
            start, end = (SOURCE, number + 2) if evidence > 0 else (number + 2, SINK)
            rooms[start][end] = abs(evidence) * regions[number].area_px
        for one, other, cost in boundaries:
            rooms[one + 2][other + 2] = rooms[other + 2][one + 2] = cost
        side, before = source_side(rooms), front
        front = [number + 2 in side for number in range(len(regions))]
        if front == before:
            break
    return front


def _pairs(regions: Sequence[Region]) -> list[tuple[int, int, int, float]]:
    """Pairs of neighbours, with the length of their boundary and the colour step across it."""
    return [
        (one, other, length, math.dist(region.colour, regions[other].colour))
        for one, region in enumerate(regions)
        for other, length in region.neighbours.items()
        if one < other
    ]


def _boundaries(regions: Sequence[Region]) -> list[tuple[int, int, float]]:
    """Pairs of neighbours with the cost of a cut between them, low where colours differ."""
    pairs = _pairs(regions)
    length_px = sum(length for _, _, length, _ in pairs)
    scale = 2 * sum(length * step**2 for _, _, length, step in pairs) / max(1, length_px) + 1e-6
    # Cost of a boundary pixel between regions of the same colour.
    return [
        (one, other, 30.0 * length * math.exp(-(step**2) / scale))
        for one, other, length, step in pairs
    ]


def _colour_model(
    features: Sequence[Property],
    regions: Sequence[Region],
    front: Sequence[bool],
    *,
    is_front: bool,
) -> Callable[[Property], float]:
    """Log likelihood of a feature by one side's: a mixture of Gaussians, one for each cluster."""
    sides = zip(features, regions, front, strict=True)
    chosen = [
        (feature, float(region.area_px)) for feature, region, side in sides if side == is_front
    ]
    total = sum(weight for _, weight in chosen)
    parts: list[tuple[float, Property, Property]] = []
    for group in _clusters(chosen):
        weight, centre = sum(w for _, w in group), _mean(group)
        spreads = (sum(w * (f[axis] - middle) ** 2 for f, w in group)
                   for axis, middle in enumerate(centre))  # fmt: skip
        # No colour model may be narrower than this, however alike its pixels are.
        variances = tuple(20.0 + spread / weight for spread in spreads)
        scale = math.log(weight / total) - sum(map(math.log, variances)) / 2
        parts.append((scale, centre, variances))

    def log_likelihood(feature: Property) -> float:
        logs = [scale - sum((f - m) ** 2 / v for f, m, v in zip(feature, *part, strict=True)) / 2
                for scale, *part in parts]  # fmt: skip
        top = max(logs)
        return top + math.log(sum(math.exp(value - top) for value in logs))

    return log_likelihood


def _clusters(chosen: Sequence[tuple[Property, float]]) -> list[list[tuple[Property, float]]]:
    """k-means; each first centre is the feature that those before it represent worst."""
    centres = [max(chosen, key=lambda item: item[1])[0]]
    clusters_max = 5
    while len(centres) < min(clusters_max, len(chosen)):
        errors = [w * min(math.dist(f, centre) for centre in centres) ** 2 for f, w in chosen]
        centres.append(chosen[errors.index(max(errors))][0])
    groups: list[list[tuple[Property, float]]] = []
    for _ in range(6):
        groups = [[] for _ in centres]
        for feature, weight in chosen:
            distances = [math.dist(feature, centre) for centre in centres]
            groups[distances.index(min(distances))].append((feature, weight))
        groups = [group for group in groups if group]
        centres = [_mean(group) for group in groups]
    return groups


def _mean(group: Sequence[tuple[Property, float]]) -> Property:
    total = sum(weight for _, weight in group)
    weighed = ([value * weight for value in feature] for feature, weight in group)
    return tuple(sum(values) / total for values in zip(*weighed, strict=True))


def _without_specks(regions: Sequence[Region], front: Sequence[bool]) -> list[bool]:
    """Foreground without islands that are small beside the largest, and without small holes."""
    island_share, hole_share = 0.12, 0.01
    result = list(front)
    islands = _sides(regions, front, is_front=True)
    largest_px = max((_area_px(regions, island) for island in islands), default=0)
    small = (each for each in islands if _area_px(regions, each) < island_share * largest_px)
    for number in chain.from_iterable(small):
        result[number] = False
    hole_max_px = hole_share * _area_px(regions, range(len(regions)))
    for hole in _sides(regions, result, is_front=False):
        touches_border = any(regions[number].border_px for number in hole)
        if not touches_border and _area_px(regions, hole) < hole_max_px:
            for number in hole:
                result[number] = True
    return result


def _area_px(regions: Sequence[Region], numbers: Sequence[int]) -> int:
    return sum(regions[number].area_px for number in numbers)


def _sides(regions: Sequence[Region], front: Sequence[bool], *, is_front: bool) -> list[list[int]]:
    """Connected groups of regions on one side."""
    return connected({
        number: [n for n in regions[number].neighbours if front[n] == is_front]
        for number, side in enumerate(front) if side == is_front
    })  # fmt: skip


def _is_clear(
    regions: Sequence[Region], front: Sequence[bool], background: Sequence[float]
) -> bool:
    chosen = [number for number, is_front in enumerate(front) if is_front]
    area_px = _area_px(regions, chosen)
    share = area_px / _area_px(regions, range(len(regions)))
    # Neither a speck nor the whole picture, hardly connected to the border, and with stronger edges
    # than the rest of the picture.
    if not 0.02 <= share <= 0.92:
        return False
    connected = sum(regions[number].area_px * background[number] for number in chosen) / area_px
    along, across = (_edge_strength(regions, front, is_cut=is_cut) for is_cut in (True, False))
    return connected <= 0.45 and along >= 1.7 * (1 + across)


def _edge_strength(regions: Sequence[Region], front: Sequence[bool], *, is_cut: bool) -> float:
    """Mean colour step per boundary pixel: along the cut, or along all other boundaries."""
    pairs = [pair for pair in _pairs(regions) if (front[pair[0]] != front[pair[1]]) == is_cut]
    return sum(length * step for *_, length, step in pairs) / max(1, sum(pair[2] for pair in pairs))
