"""Neural networks in the ONNX format, which the extras `paint`, `guard` and `cutout` bring.

The only module that imports onnxruntime, and only when a network runs, in a worker. A network is
loaded for one picture (30 to 60 ms) and then freed; a run needs less memory than its worker has.
"""

import ctypes
import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from PIL import Image

from imgbot.painter import worker

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Tensor = NDArray[np.float32]

log = logging.getLogger(__name__)


def has_network(package: str) -> bool:
    """True if the package is there, and what runs its networks; imports nothing."""
    return all(find_spec(name) is not None for name in ("onnxruntime", "numpy", package))


@dataclass(frozen=True)
class Network:
    """A network in a file of a package."""

    package: str
    file: str
    room_bytes: int
    """Address space of a run, with the file."""

    @cached_property
    def is_installed(self) -> bool:
        """True if the network can be run; imports nothing."""
        return has_network(self.package)

    def run(self, *inputs: "Tensor", room_bytes: int = 0) -> "Tensor | None":
        """Return the first output; None, with a line in the log, if it cannot be run here."""
        # Where memory does not suffice, these libraries may end the process.
        # Address space that numpy and onnxruntime take, measured 130 MB.
        needed_bytes = (150 << 20) + (room_bytes or self.room_bytes)
        if not self.is_installed or worker.free_bytes() < needed_bytes:
            return None
        try:
            session = _session(str(files(self.package) / self.file))
            names = [each.name for each in session.get_inputs()]
            result: Tensor = session.run(None, dict(zip(names, inputs, strict=True)))[0]
        except Exception as error:  # noqa: BLE001 -- a foreign wheel, or a damaged file
            reason = str(error).partition("\n")[0]
            log.warning("the network %s cannot be run: %s", self.file, reason)
            return None
        return result


def numpy() -> Any:
    """Load numpy, without threads of its own, which reserve memory each."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    return import_module("numpy")


def pixels(image: Image.Image) -> "Tensor":
    """Return a picture as numbers from 0 to 1, by row, column and channel, if it has several."""
    np = numpy()
    return np.asarray(image, np.float32) / np.float32(255)


def picture(shares: "Tensor") -> Image.Image:
    """Return the picture of numbers from 0 to 1, by row, column and channel, if it has several."""
    return Image.fromarray((shares.clip(0, 1) * 255 + 0.5).astype("uint8"))


def _session(path: str) -> Any:
    # Have the C library return large blocks at once: kept ones add up to the worker's limit.
    with suppress(AttributeError, OSError):
        library = ctypes.CDLL(None)
        arena_max, mmap_threshold = -8, -3
        # An arena takes 64 MB of address space: one for all threads. Large blocks are mapped.
        library.mallopt(arena_max, 1)
        library.mallopt(mmap_threshold, 8 << 20)
    runtime: Any = import_module("onnxruntime")
    options = runtime.SessionOptions()
    # A worker has one core's share, and threads that wait by spinning take it from others.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # Both keep memory for a next run: without them, a picture of a megapixel takes 270 MB, not 750.
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    options.log_severity_level = 4  # fatal errors alone
    return runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
