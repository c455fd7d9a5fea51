"""City scene: rows of towers with lit windows, under a low sun or the moon."""

from PIL import Image, ImageDraw

from imgbot.imaging.engine import drawing
from imgbot.imaging.engine.colours import Colour, mix, ramp
from imgbot.imaging.engine.scene import Scene
from imgbot.imaging.engine.scenes.sky import add_birds, paint_sky, paint_sun

Tower = tuple[float, float, float, str]  # left, width, top, shape of the roof


def city(scene: Scene) -> Image.Image:
    """Rows of towers, nearer ones darker, their windows lit at dusk."""
    horizon = scene.height * 0.62
    canvas = paint_sun(scene, paint_sky(scene), horizon)
    colours = ramp(scene.palette.layers, 4)
    for index, colour in enumerate(colours):
        share = index / 3
        towers = _skyline(scene, share)
        body = _body(scene, towers)
        fill = _haze(scene, colour, share)
        drawing.paint(canvas, fill, body)
        if index:
            canvas = _light_up(scene, canvas, towers, share)
    street = drawing.gradient((scene.width, max(2, round(scene.height * 0.12))), (
        mix(colours[-1], scene.palette.sky[-1], 0.12), colours[-1]))  # fmt: skip
    fade = Image.linear_gradient("L").resize(street.size)
    canvas.paste(street, (0, scene.height - street.height), fade)
    return add_birds(scene, canvas, horizon * 0.7)


def _haze(scene: Scene, colour: Colour, share: float) -> Image.Image:
    low = mix(colour, scene.palette.sky[-1], 0.6 * (1 - share))
    return drawing.gradient(scene.size, (colour, colour, mix(colour, low, 0.5), low))


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


def _body(scene: Scene, towers: list[Tower]) -> Image.Image:
    unit, floor = scene.unit_px, scene.height + 5.0

    def draw_all(draw: ImageDraw.ImageDraw, scale: float) -> None:
        def box(left: float, top: float, right: float) -> None:
            draw.rectangle([left * scale, top * scale, right * scale, floor * scale], fill=255)

        for x, width, top, roof in towers:
            box(x, top, x + width)
            if roof == "step":
                box(x + width * 0.2, top - unit * 2, x + width * 0.8)
                box(x + width * 0.36, top - unit * 3.6, x + width * 0.64)
            elif roof == "mast":
                box(x + width * 0.47, top - unit * 6, x + width * 0.53)
            elif roof == "slope":
                corners = [(x, top), (x + width, top), (x + width, top - unit * 3)]
                draw.polygon([(px * scale, py * scale) for px, py in corners], fill=255)

    return drawing.mask(scene.size, draw_all)


def _light_up(scene: Scene, canvas: Image.Image, towers: list[Tower], share: float) -> Image.Image:
    rng, unit = scene.rng, scene.unit_px
    pane = unit * (0.5 + 0.34 * share)
    lit_share = 0.42 if scene.palette.is_dark or scene.has("night") else 0.2
    panes: list[tuple[float, float, int]] = []
    for x, width, top, _ in towers:
        columns = max(1, int((width - pane) / (pane * 2)))
        margin = (width - columns * pane * 2 + pane) / 2
        # The share of lit windows is per tower.
        mood = lit_share * rng.uniform(0.3, 1.7)
        y = top + pane * 1.6
        while y < scene.height:
            panes += [
                (x + margin + column * pane * 2, y, rng.randint(110, 255))
                for column in range(columns)
                if rng.random() < mood
            ]
            y += pane * 2.6

    def draw_all(draw: ImageDraw.ImageDraw, scale: float) -> None:
        for left, top, bright in panes:
            box = [left * scale, top * scale, (left + pane) * scale, (top + pane * 1.35) * scale]
            draw.rectangle(box, fill=bright)

    windows = drawing.mask(scene.size, draw_all)
    colour = mix(scene.palette.light, scene.palette.accents[0], 0.25)
    drawing.paint(canvas, colour, drawing.dim(drawing.soft(windows, unit * 0.7), 0.55))
    drawing.paint(canvas, colour, drawing.dim(windows, 0.9))
    return canvas
