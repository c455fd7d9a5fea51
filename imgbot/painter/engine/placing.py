"""Placing of figures: on the ground, on water, in a room and in the air, back to front."""

from collections.abc import Callable, Mapping, Sequence

from PIL import Image

from imgbot.painter.engine import drawing, grounds
from imgbot.painter.engine.artwork import lay_part
from imgbot.painter.engine.colours import mix
from imgbot.painter.engine.drawing import Point
from imgbot.painter.engine.figures import Placed
from imgbot.painter.engine.grounds import height_at
from imgbot.painter.engine.scene import Scene
from imgbot.painter.engine.scenes.outdoors import roll_wave
from imgbot.painter.engine.subjects import has_own_drawing
from imgbot.painter.engine.tiles import FigureTile, make_tile, mirror_tile, paste_tile, turn_tile


class _FigurePainter:
    """Painter of figures into one canvas; each method paints a group of one kind of place."""

    def __init__(self, scene: Scene, canvas: Image.Image, scene_name: str) -> None:
        self.canvas, self._scene, self._name = canvas, scene, scene_name
        self._is_water = scene_name in {"lake", "waves", "beach"}
        self._unit, self._rng = scene.unit_px, scene.rng

    def _x(self, placed: Placed) -> float:
        return placed.x * self._scene.width

    def _down(self, low: float, high: float = 0.0) -> float:
        """Height from the top by its share, or a random one between two shares."""
        return self._scene.height * (self._rng.uniform(low, high) if high else low)

    def _paste(self, tile: FigureTile, feet: Point) -> None:
        self.canvas = paste_tile(self._scene, self.canvas, tile, feet)

    def _stand(
        self, placed: Placed, feet_y: float, *, mirrored: float = 0, has_shadow: bool = True
    ) -> None:
        """Figure on its feet, with its shadow; those in the rows behind stand higher."""
        scene, tile = self._scene, make_tile(self._scene, placed)
        feet = (self._x(placed), feet_y - self._unit * 7 * placed.row)
        if mirrored:
            mirror_tile(scene, self.canvas, tile, feet, mirrored)
        if has_shadow:
            grounds.cast_shadow(scene, self.canvas, feet, tile.image.width * 0.38)
        if placed.name == "house" and scene.has("smoke"):
            side = tile.image.width
            left = feet[0] - side * (0.43 if placed.x > 0.52 else 0.07)
            smoke = mix(scene.palette.light, scene.palette.ink, 0.25)
            corner, size = (left, feet[1] - tile.feet[1] * 1.42), (side / 2, tile.feet[1] * 0.5)
            lay_part(self.canvas, "smoke", (smoke,), corner, size)
        self._paste(tile, feet)

    def on_rock(self, group: list[Placed]) -> None:
        if not self._is_water:
            self.on_ground(group)
            return
        scene = self._scene
        for placed in group:
            tile, x, top = make_tile(scene, placed), self._x(placed), self._down(0.75, 0.79)
            mirror_tile(scene, self.canvas, tile, (x, top + self._unit * 11), 0.4)
            half = max(self._unit * 22, tile.image.width * 0.4)
            grounds.raise_rock(scene, self.canvas, x, top, half)
            if tile.lights and (scene.palette.is_dark or scene.has("fog", "clouds")):
                reach, lamp = scene.width * 1.1, top - (tile.feet[1] - tile.lights[0][1])
                corner, size = (x - reach, lamp - reach / 2), (reach * 2, reach)
                lay_part(self.canvas, "beam", (scene.palette.light,), corner, size)
            self._paste(tile, (x, top + self._unit))

    def on_water(self, group: list[Placed]) -> None:
        scene, unit = self._scene, self._unit
        if not self._is_water:
            self.hover(group)
        elif self._name == "waves":
            self._among_waves(group)
        for placed in group if self._is_water and self._name != "waves" else ():
            tile, feet = make_tile(scene, placed), (self._x(placed), self._down(0.7, 0.76))
            draught = unit * (6.0 if placed.place == "sea" else 0.8)
            mirror_tile(scene, self.canvas, tile, (feet[0], feet[1] - draught), 0.55)
            # The part below the waterline is hidden.
            tile.mask.paste(0, (0, round(tile.feet[1] - draught), *tile.mask.size))
            self._paste(tile, feet)
            foam = mix(scene.palette.light, scene.palette.layers[0], 0.25)
            corner = (feet[0] - tile.image.width * 0.55, feet[1] - draught - unit * 0.8)
            lay_part(self.canvas, "wake", (foam,), corner, (tile.image.width * 1.1, unit * 4.5))

    def _among_waves(self, group: list[Placed]) -> None:
        """Figures behind the nearest waves, tilted."""
        for placed in group:
            lean = self._rng.uniform(3, 7) * self._rng.choice((-1, 1))
            tile = make_tile(self._scene, placed)
            feet_y = self._down(0.68) - tile.feet[1] + tile.image.height / 2
            self._paste(turn_tile(tile, lean), (self._x(placed), feet_y))
        for share in (0.76, 0.88, 1.0):
            roll_wave(self._scene, self.canvas, self._down(0.44), share)

    def leap(self, group: list[Placed]) -> None:
        for placed in group:
            lean = 24 if placed.x <= 0.52 else -24
            tile = make_tile(self._scene, placed)
            tile = turn_tile(tile, lean * has_own_drawing(placed.name))
            x, y, side = self._x(placed), self._down(0.5, 0.56), self._unit * 22
            if self._is_water:
                corner = (x - side / 2, y + tile.image.height * 0.62 - side * 0.52)
                foam = mix(self._scene.palette.light, (255, 255, 255), 0.4)
                lay_part(self.canvas, "splash", (foam,), corner, (side, side * 0.62))
            self._paste(tile, (x, y))

    def on_floe(self, group: list[Placed]) -> None:
        for placed in group:
            tile, feet = make_tile(self._scene, placed), (self._x(placed), self._down(0.8))
            grounds.float_floe(self._scene, self.canvas, feet, tile.image.width * 0.75)
            grounds.cast_shadow(self._scene, self.canvas, feet, tile.image.width * 0.4)
            self._paste(tile, feet)

    def hover(self, group: list[Placed]) -> None:
        for placed in group:
            tile = turn_tile(make_tile(self._scene, placed), 0)
            # Random height: the higher of two balloons looks farther.
            y = self._down(0.32, 0.4) - self._down(0.13) * (placed.row - 1)
            self._paste(tile, (self._x(placed), max(y, tile.image.height * 0.52)))

    def fly(self, group: list[Placed]) -> None:
        for placed in group:
            lean = self._rng.uniform(10, 26) * (1 if placed.x > 0.5 else -1)
            tile = turn_tile(make_tile(self._scene, placed), lean)
            y = self._down(0.4, 0.5) - self._down(0.16) * placed.row
            self._paste(tile, (self._x(placed), y))

    def on_ground(self, group: list[Placed]) -> None:
        scene, unit = self._scene, self._unit
        if self._name == "city":
            grounds.pave_street(scene, self.canvas, scene.height - unit * 18)
            for placed in group:
                self._stand(placed, scene.height - unit * 10, mirrored=0.34)
            return
        rows = max(placed.row for placed in group)
        is_hill = any(placed.place == "hill" for placed in group)
        top = scene.height - unit * (self._rng.uniform(19, 22) + 6 * rows + 9 * is_hill)
        line = grounds.raise_knoll(scene, self.canvas, top, unit * (5 + 4 * is_hill))
        is_grassy = self._name not in {"dunes", "beach"}
        if is_grassy:
            grounds.grow_grass(scene, self.canvas, line, 2.4, 250)
        for placed in group:
            below = 2.2 if placed.place == "hill" else 3.4 + 7 * rows
            feet = height_at(line, self._x(placed)) + unit * below
            self._stand(placed, min(feet, scene.height - unit * 3))
        if is_grassy or is_hill:
            grass = (3, 1.5, 120) if is_hill else (5.2, 2.4, 170)
            front = [(x, y + unit * grass[0]) for x, y in line]
            grounds.grow_grass(scene, self.canvas, front, *grass[1:])

    def on_roof(self, group: list[Placed]) -> None:
        top = self._scene.height - self._unit * 15
        grounds.lay_roof(self._scene, self.canvas, top)
        for placed in group:
            self._stand(placed, top, has_shadow=False)

    def on_branch(self, group: list[Placed]) -> None:
        y, reach = self._down(0.68, 0.74), max(34, 12 + 14 * len(group))
        grounds.grow_branch(self._scene, self.canvas, (self._x(group[0]), y), reach)
        for placed in group:
            self._stand(placed, y, has_shadow=False)

    def on_table(self, group: list[Placed]) -> None:
        self.canvas = grounds.set_table(self._scene, self.canvas, self._down(0.7))
        for placed in group:
            self._stand(placed, self._down(0.83), mirrored=0.22)

    def on_floor(self, group: list[Placed]) -> None:
        for placed in group:
            self._stand(placed, self._down(0.88))

    def on_wall(self, group: list[Placed]) -> None:
        for placed in group:
            tile = turn_tile(make_tile(self._scene, placed), 0)
            self._hang(tile, (self._x(placed), self._down(0.36)))

    def up_close(self, group: list[Placed]) -> None:
        if self._name != "garden":
            self.canvas = drawing.soft(self.canvas, self._unit * 0.8)
        rows = max(placed.row for placed in group)
        for placed in group:
            tile = turn_tile(make_tile(self._scene, placed), self._rng.uniform(-7, 7))
            y = self._down(0.5 + 0.12 * rows - 0.24 * placed.row)
            y += self._unit * self._rng.uniform(-9, 9) * (len(group) > 1)
            if placed.figure.base.subject.height > 60:
                y = self._scene.height - tile.image.height * 0.46
            self._hang(tile, (self._x(placed), y))

    def _hang(self, tile: FigureTile, centre: Point) -> None:
        """Tile with its soft shadow on what is behind it."""
        shadow = drawing.dim(drawing.soft(tile.mask, self._unit * 2), 0.3)
        aside = self._unit * 1.5
        corner = (round(centre[0] - tile.feet[0] - self._scene.sun_side * aside),
                  round(centre[1] - tile.feet[1] + aside))  # fmt: skip
        box = (*corner, corner[0] + shadow.width, corner[1] + shadow.height)
        self.canvas.paste(self._scene.palette.ink, box, shadow)
        self._paste(tile, centre)


_Painting = Callable[[_FigurePainter, list[Placed]], None]
# By place, back to front.
_METHODS: Mapping[str, _Painting] = {
    "wall": _FigurePainter.on_wall, "sky": _FigurePainter.hover, "flight": _FigurePainter.fly,
    "rock": _FigurePainter.on_rock, "water": _FigurePainter.on_water,
    "sea": _FigurePainter.on_water, "leap": _FigurePainter.leap, "floe": _FigurePainter.on_floe,
    "ground": _FigurePainter.on_ground, "hill": _FigurePainter.on_ground,
    "roof": _FigurePainter.on_roof, "branch": _FigurePainter.on_branch,
    "floor": _FigurePainter.on_floor, "table": _FigurePainter.on_table,
    "close": _FigurePainter.up_close,
}  # fmt: skip
PLACES = frozenset(_METHODS)


def place_figures(
    scene: Scene, canvas: Image.Image, scene_name: str, figures: Sequence[Placed]
) -> Image.Image:
    """Canvas with the figures, those of a back row first."""
    painter = _FigurePainter(scene, canvas, scene_name)
    for method in dict.fromkeys(_METHODS.values()):
        group = [each for each in figures if _METHODS[each.place] is method]
        if group:
            # What is named first is in front.
            method(painter, sorted(group, key=lambda each: (-each.row, -each.figure.thing)))
    return painter.canvas
