"""Scenes by name: each function paints a whole picture."""

from collections.abc import Callable, Mapping

from PIL import Image

from imgbot.painter.engine.scene import Scene
from imgbot.painter.engine.scenes import abstract, night, outdoors

SCENES: Mapping[str, Callable[[Scene], Image.Image]] = {
    name: getattr(module, name)
    for module, names in (
        (outdoors, "hills mountains forest dunes beach lake waves"),
        (night, "stars planet city"),
        (abstract, "garden room quiet washes"),
    )
    for name in names.split()
}
INDOORS = frozenset({"room", "quiet", "washes"})
"""Scenes without weather."""
