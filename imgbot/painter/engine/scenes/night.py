"""City and night: skylines, starry sky with the Milky Way or northern lights, a planet."""

import math

from PIL import Image, ImageChops

from imgbot.painter.engine import drawing
from imgbot.painter.engine.artwork import rasterise, tinted
from imgbot.painter.engine.colours import Colour, mix, ramp, with_lightness
from imgbot.painter.engine.scene import Scene, ridge
from imgbot.painter.engine.scenes.outdoors import paint_layer, plant_trees
from imgbot.painter.engine.scenes.weather import add_birds, paint_sky, paint_sun
from imgbot.painter.engine.subjects import artwork

Tower = tuple[float, float, float, str]  # left, width, top, shape of the roof


def city(scene: Scene) -> Image.Image:
    """Rows of towers, nearer ones darker, their windows lit at dusk."""
    horizon = scene.height * 0.62
    canvas = paint_sun(scene, paint_sky(scene), horizon)
    colours = ramp(scene.palette.layers, 4)
    for index, colour in enumerate(colours):
        share = index / 3
        towers = _skyline(scene, share)
        low = mix(colour, scene.palette.sky[-1], 0.6 * (1 - share))
        haze = drawing.gradient(scene.size, (colour, colour, mix(colour, low, 0.5), low))
        drawing.paint(canvas, haze, _body(scene, towers))
        if index:
            canvas = _light_up(scene, canvas, towers, share)
    street = drawing.gradient((scene.width, max(2, round(scene.height * 0.12))), (
        mix(colours[-1], scene.palette.sky[-1], 0.12), colours[-1]))  # fmt: skip
    fade = Image.linear_gradient("L").resize(street.size)
    canvas.paste(street, (0, scene.height - street.height), fade)
    return add_birds(scene, canvas, horizon * 0.7)


def _skyline(scene: Scene, share: float) -> list[Tower]:
    rng, unit = scene.rng, scene.unit_px
    towers: list[Tower] = []
    x = -unit * rng.uniform(0, 6)
    while x < scene.width:
        width = unit * rng.uniform(5, 10) * (0.75 + 0.75 * share)
        # Higher towards the middle, as a skyline is.
        centre = 1 - abs((x + width / 2) / scene.width - 0.5) * 1.1
        rise = rng.betavariate(2, 2.2) * centre * (58 - 22 * share) + 9
        top = scene.height * (0.74 + 0.13 * share) - rise * unit
        roof = rng.choice(("flat", "flat", "step", "mast", "slope"))
        towers.append((x, width, top, roof))
        x += width + unit * rng.choice((0.0, 0.0, rng.uniform(0.3, 2.4)))
    return towers


# Boxes of a tower by its roof: left and right as shares of its width, height in units above it.
_ROOFS = {"step": ((0.2, 0.8, 2), (0.36, 0.64, 3.6)), "mast": ((0.47, 0.53, 6),)}


def _body(scene: Scene, towers: list[Tower]) -> Image.Image:
    unit, floor = scene.unit_px, scene.height + 5.0
    boxes = [
        ("rectangle", ((x + width * left, top - unit * rise), (x + width * right, floor)), 255)
        for x, width, top, roof in towers
        for left, right, rise in ((0, 1, 0), *_ROOFS.get(roof, ()))
    ]
    slopes = [
        ("polygon", ((x, top), (x + width, top), (x + width, top - unit * 3)), 255)
        for x, width, top, roof in towers
        if roof == "slope"
    ]
    return drawing.areas(scene.size, [*boxes, *slopes])


def _light_up(scene: Scene, canvas: Image.Image, towers: list[Tower], share: float) -> Image.Image:
    rng, unit = scene.rng, scene.unit_px
    pane = unit * (0.5 + 0.34 * share)
    lit_share = 0.42 if scene.palette.is_dark or scene.has("night") else 0.2
    panes: list[tuple[str, drawing.Line, int]] = []
    for x, width, top, _ in towers:
        columns = max(1, int((width - pane) / (pane * 2)))
        margin = (width - columns * pane * 2 + pane) / 2
        # The share of lit windows is per tower.
        mood = lit_share * rng.uniform(0.3, 1.7)
        y = top + pane * 1.6
        while y < scene.height:
            panes += [
                ("rectangle", [(left, y), (left + pane, y + pane * 1.35)], rng.randint(110, 255))
                for left in (x + margin + column * pane * 2 for column in range(columns))
                if rng.random() < mood
            ]
            y += pane * 2.6
    windows = drawing.areas(scene.size, panes)
    colour = mix(scene.palette.light, scene.palette.accents[0], 0.25)
    drawing.paint(canvas, colour, drawing.dim(drawing.soft(windows, unit * 0.7), 0.55))
    drawing.paint(canvas, colour, drawing.dim(windows, 0.9))
    return canvas


def _night_sky(scene: Scene) -> Image.Image:
    stops = scene.palette.sky
    if not scene.palette.is_dark:
        # Daytime palettes keep their hue at a night's lightness.
        shares = (index / len(stops) for index in range(len(stops)))
        stops = tuple(map(with_lightness, stops, (0.08 + 0.34 * each**1.4 for each in shares)))
    return drawing.gradient(scene.size, stops)


def _sprinkle(scene: Scene, canvas: Image.Image, count: int) -> Image.Image:
    rng, unit = scene.rng, scene.unit_px
    stars = [
        (rng.uniform(0, scene.width), rng.uniform(0, scene.height),
         unit * 0.07 * rng.paretovariate(2.6), rng.randint(90, 255))
        for _ in range(count)
    ]  # fmt: skip
    reaches = ((x, y, min(size, unit * 0.32), bright) for x, y, size, bright in stars)
    points = drawing.discs(scene.size, reaches)
    tints = drawing.colourize(
        drawing.clouds(scene.size, rng, unit * 6, 2),
        (mix(scene.palette.light, (140, 180, 255), 0.5), (255, 255, 255), (255, 214, 170)),
    )
    canvas = canvas.copy()
    drawing.paint(canvas, tints, points)
    for x, y, size, _ in sorted(stars, key=lambda star: -star[2])[:6]:
        canvas = drawing.glow(canvas, (x, y), min(size, unit * 0.5) * 6, (215, 228, 255), 0.6)
    return canvas


def _milky_way(scene: Scene, canvas: Image.Image) -> Image.Image:
    rng, unit = scene.rng, scene.unit_px
    side = round(math.hypot(*scene.size))
    band = drawing.fall((side, side), lambda value: math.exp(-(((value - 0.5) / 0.11) ** 2)))
    core = drawing.clouds((side, side), rng, unit * 24, 6)
    veins = drawing.clouds((side, side), rng, unit * 13, 6)
    veins = drawing.curve(veins, lambda value: min(1.0, max(0.0, (value - 0.3) * 2.4)))
    body = drawing.times(drawing.times(core, band), veins)
    angle = rng.choice((-1, 1)) * rng.uniform(35, 65)
    left, top = (side - scene.width) // 2, (side - scene.height) // 2
    box = (left, top, left + scene.width, top + scene.height)
    body = body.rotate(angle, Image.Resampling.BICUBIC).crop(box)
    accents = scene.palette.accents
    colour = (
        (0, 0, 0),
        with_lightness(accents[-1], 0.3),
        with_lightness(accents[2 % len(accents)], 0.55),
        mix(scene.palette.light, (255, 255, 255), 0.4),
    )
    return ImageChops.screen(canvas, drawing.colourize(body, colour))


def _foreground(scene: Scene, canvas: Image.Image) -> Image.Image:
    colour = with_lightness(scene.palette.layers[-1], 0.1)
    line = ridge(scene, scene.height * 0.87, scene.unit_px * 4.5, 0.5)
    far = ridge(scene, scene.height * 0.82, scene.unit_px * 5, 0.5)
    behind = with_lightness(scene.palette.layers[-2], 0.2)
    haze = mix(behind, scene.palette.sky[-1], 0.3)
    paint_layer(scene, canvas, far, behind, haze, scene.height * 0.2)
    plant_trees(scene, canvas, line, colour, 9, 0.9)
    paint_layer(scene, canvas, line, colour, colour, scene.height * 0.2)
    return canvas


def stars(scene: Scene) -> Image.Image:
    """Clear night over dark hills."""
    canvas = _milky_way(scene, _night_sky(scene))
    canvas = _sprinkle(scene, canvas, 1100)
    for index in range(3) if scene.has("aurora") else ():
        base = scene.height * (0.42 + 0.14 * index) * scene.rng.uniform(0.85, 1.1)
        accents = scene.palette.accents
        colours = scene.rng.sample(accents, 2) if index else accents[:2]
        canvas = ImageChops.screen(canvas, _curtain(scene, base, colours[0], colours[1]))
    return _foreground(scene, canvas)


def _curtain(scene: Scene, base: float, low: Colour, high: Colour) -> Image.Image:
    """Curtain of an aurora: vertical rays on a winding line, brightest at the bottom."""
    rng, unit, reach = scene.rng, scene.unit_px, scene.height * scene.rng.uniform(0.11, 0.15)

    def fall(share: float) -> float:
        above = base - share * scene.height
        return math.exp(-above / reach) if above > 0 else 0.0

    light = drawing.fall(scene.size, fall)
    rays = drawing.streaks(scene.size, rng, 90, reach * 3, unit * 1.4)
    light = drawing.times(light, drawing.curve(rays, lambda value: 0.12 + 0.88 * value**1.6))
    light = drawing.warp(light, drawing.clouds(scene.size, rng, unit * 40, 2), unit * 36)
    stops = ((0, 0, 0), mix(high, (0, 0, 0), 0.3), mix(low, high, 0.4), low)
    return drawing.colourize(drawing.soft(light, unit * 0.9), stops)


def planet(scene: Scene) -> Image.Image:
    """Ringed planet among stars."""
    rng, unit, accents = scene.rng, scene.unit_px, scene.palette.accents
    canvas = _sprinkle(scene, _milky_way(scene, _night_sky(scene)), 900)
    centre = (scene.width * rng.uniform(0.42, 0.6), scene.height * rng.uniform(0.42, 0.56))
    canvas = drawing.glow(canvas, centre, unit * 42, accents[0], 0.5)
    globe = tinted(rasterise(artwork("ringed-planet"), round(unit * 62)), rng.choice(accents))
    storms = drawing.clouds(globe.size, rng, unit * 5, 5)
    plain = globe.convert("RGB")
    toned = ImageChops.overlay(plain, Image.merge("RGB", [storms] * 3))
    corner = (round(centre[0] - globe.width / 2), round(centre[1] - globe.height / 2))
    canvas.paste(Image.blend(plain, toned, 0.5), corner, globe)
    return canvas
