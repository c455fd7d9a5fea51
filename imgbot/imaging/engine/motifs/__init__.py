"""The motifs by name: each paints one whole picture of a scene."""

from collections.abc import Callable, Mapping

from PIL import Image

from imgbot.imaging.engine.motifs.abstract import flow, geometric, marble, washes
from imgbot.imaging.engine.motifs.city import city
from imgbot.imaging.engine.motifs.garden import garden, leaves
from imgbot.imaging.engine.motifs.land import dunes, forest, hills, mountains
from imgbot.imaging.engine.motifs.night import aurora, bokeh, planet, stars
from imgbot.imaging.engine.motifs.water import lake, waves
from imgbot.imaging.engine.scene import Scene

MOTIFS: Mapping[str, Callable[[Scene], Image.Image]] = {
    motif.__name__: motif
    for motif in (
        hills, mountains, forest, dunes, lake, waves, stars, aurora, planet, bokeh, city,
        garden, leaves, flow, marble, geometric, washes,
    )
}  # fmt: skip
