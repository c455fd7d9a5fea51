"""Styles made of small cells: facets, stained glass, mosaic, pixels, cross-stitch."""

import math
from collections.abc import Iterator
from itertools import pairwise

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from imgbot.painter.engine import drawing
from imgbot.painter.engine.artwork import part
from imgbot.painter.engine.colours import mix
from imgbot.painter.engine.drawing import Point
from imgbot.painter.engine.scene import Scene


def glass(scene: Scene, canvas: Image.Image) -> Image.Image:
    """Stained glass: glowing panes, lead along cells and strong contours."""
    rng, unit, many = scene.rng, scene.unit_px, 2
    rich = drawing.even(drawing.saturate(drawing.simplify(canvas), 1.6))
    focus = scene.in_focus()
    rich = drawing.curve(rich, lambda value: 0.06 + 0.94 * value**0.85)
    colours = drawing.soft(rich, unit)
    size = (scene.width * many, scene.height * many)
    window, lead = Image.new("RGB", size), Image.new("L", size, 0)
    panes, leads = ImageDraw.Draw(window), ImageDraw.Draw(lead)
    for centre, pane in _panes(scene, unit * 6.4):
        x, y = (min(side - 1, max(0, int(at))) for side, at in zip(scene.size, centre, strict=True))
        shift = rng.randint(-16, 18)
        outline = [(x * many, y * many) for x, y in pane]
        tone = (min(255, max(0, part + shift)) for part in drawing.colour_at(colours, x, y))
        panes.polygon(outline, fill=tuple(tone))
        leads.line([*outline, outline[0]], fill=255, width=round(unit * 0.5 * many), joint="curve")
    flat = window.reduce(many)
    # A pane crossed by a contour shows both sides of it.
    flat = Image.blend(flat, rich, 0.3)
    drawing.paint(flat, rich, focus)
    contours = drawing.curve(drawing.edges(rich, unit * 0.4), lambda value: (value - 0.62) * 5)
    lead = ImageChops.subtract(lead.reduce(many), focus)
    for line in (contours, drawing.outline(focus, unit * 0.34)):
        lead = ImageChops.lighter(lead, line)
    lead = drawing.soft(lead, unit * 0.09)
    bubbles = drawing.clouds(scene.size, rng, unit * 4, 4)
    flat = drawing.lit_relief(flat, drawing.soft(bubbles, unit * 0.3), 1.4)
    shining = drawing.curve(drawing.soft(flat, unit * 4), lambda value: value**2 * 0.3)
    flat = ImageChops.screen(flat, shining)
    drawing.paint(flat, (0, 0, 0), drawing.dim(drawing.soft(lead, unit * 0.7), 0.55))
    drawing.paint(flat, (30, 29, 34), lead)
    shine = ImageChops.subtract(lead, drawing.moved(lead, max(1, unit * 0.14), max(1, unit * 0.14)))
    drawing.paint(flat, (150, 150, 160), drawing.dim(shine, 0.5))
    return drawing.vignette(flat, 0.22)


def _panes(scene: Scene, cell_px: float) -> Iterator[tuple[Point, list[Point]]]:
    """Centres and outlines of panes: hexagons whose common corners are moved at random."""
    columns, rows = math.ceil(scene.width / cell_px) + 2, math.ceil(scene.height / cell_px) + 2
    rng = scene.rng
    # Each row begins with a zigzag of corners that it shares with the row above.
    corners = [
        [((at / 2 - 1 + rng.uniform(-0.26, 0.26)) * cell_px,
          (row - 1 + (at + row) % 2 / 3 + rng.uniform(-0.26, 0.26)) * cell_px)
         for at in range(2 * columns + 3)]
        for row in range(rows + 1)
    ]  # fmt: skip
    for row, (upper, lower) in enumerate(pairwise(corners)):
        for at in range((row + 1) % 2, 2 * columns, 2):
            pane = [*upper[at : at + 3], *reversed(lower[at : at + 3])]
            yield (sum(x for x, _ in pane) / 6, sum(y for _, y in pane) / 6), pane


_BAYER = (0, 8, 2, 10, 12, 4, 14, 6, 3, 11, 1, 9, 15, 7, 13, 5)


def pixel(scene: Scene, canvas: Image.Image) -> Image.Image:
    """Pixel art: a small grid, a small palette, an ordered dither."""
    share = 144 / min(scene.size)
    size = round(scene.width * share), round(scene.height * share)
    rich = drawing.even(drawing.saturate(canvas, 1.25), 0.5)
    small = rich.resize(size, Image.Resampling.BOX).filter(ImageFilter.UnsharpMask(1, 90, 2))
    # Bayer's threshold pattern around middle grey.
    tile = Image.new("L", (4, 4))
    tile.putdata([round(128 + (value - 7.5) * 1.7) for value in _BAYER])
    dithered = ImageChops.add(small, drawing.tiled(tile, size).convert("RGB"), 1, -128)
    few = drawing.thread_colours(dithered, 20, scene.in_focus())
    return few.resize(scene.size, Image.Resampling.NEAREST)


def stitch(scene: Scene, canvas: Image.Image) -> Image.Image:
    """Cross-stitch on linen: few thread colours, every cross with light and shadow."""
    cell = max(6, round(scene.unit_px * 1.02))
    size = (math.ceil(scene.width / cell), math.ceil(scene.height / cell))
    rich = drawing.even(drawing.saturate(canvas, 1.25), 0.5)
    small = rich.resize(size, Image.Resampling.BOX).filter(ImageFilter.UnsharpMask(1, 80, 2))
    threads = drawing.thread_colours(small, 20, scene.in_focus())
    flat = threads.resize((size[0] * cell, size[1] * cell), Image.Resampling.NEAREST)
    cross = part("stitch", cell, ()).resize((cell, cell))
    sheet = drawing.tiled(cross, flat.size)
    woven = ImageChops.overlay(flat, sheet.convert("RGB"))
    linen = Image.new("RGB", flat.size, mix(scene.palette.paper, (196, 180, 152), 0.6))
    linen = Image.blend(linen, ImageChops.multiply(linen, flat), 0.55)
    cloth = ImageChops.composite(woven, linen, sheet.getchannel("A")).crop((0, 0, *scene.size))
    return drawing.grain(drawing.vignette(cloth, 0.16), scene.rng, 0.04)
