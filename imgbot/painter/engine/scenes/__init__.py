"""Scenes by name: each function paints a whole picture."""

from collections.abc import Callable, Mapping

from PIL import Image

from imgbot.painter.engine.scene import Scene
from imgbot.painter.engine.scenes.abstract import garden, quiet, room, washes
from imgbot.painter.engine.scenes.night import city, planet, stars
from imgbot.painter.engine.scenes.outdoors import (
    beach,
    dunes,
    forest,
    hills,
    lake,
    mountains,
    waves,
)

SCENES: Mapping[str, Callable[[Scene], Image.Image]] = {
    scene.__name__: scene
    for scene in (
        hills, mountains, forest, dunes, beach, lake, waves, stars, planet, city, garden, room,
        quiet, washes,
    )
}  # fmt: skip
INDOORS = frozenset({"room", "quiet", "washes"})
"""Scenes without weather."""
