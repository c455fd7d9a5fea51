"""Scenes by name: each function paints a whole picture."""

from collections.abc import Callable, Mapping

from PIL import Image

from imgbot.engine.scene import Scene
from imgbot.engine.scenes.abstract import flow, garden, geometric, leaves, marble, washes
from imgbot.engine.scenes.night import aurora, bokeh, city, planet, stars
from imgbot.engine.scenes.outdoors import dunes, forest, hills, lake, mountains, waves

SCENES: Mapping[str, Callable[[Scene], Image.Image]] = {
    scene.__name__: scene
    for scene in (
        hills, mountains, forest, dunes, lake, waves, stars, aurora, planet, bokeh, city,
        garden, leaves, flow, marble, geometric, washes,
    )
}  # fmt: skip
