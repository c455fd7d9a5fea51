"""Pictures by a diffusion model, with stable-diffusion.cpp of the extra `model`, in a worker.

The only module that imports it. The model's file is mapped, so that loading it takes a moment and
its pages are dropped when memory is short; all that was allocated is freed after each picture.
"""

import contextlib
import os
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from imgbot.imaging.decoding import decode
from imgbot.imaging.pictures import SOURCE_LIMIT_MEGAPIXELS, flatten
from imgbot.imaging.steps import ModelOrder

_GRID_PX = 64
_KEPT_MEGAPIXELS = 1.1
_PROMPT_CHARACTERS = 1000
_EDIT_STRENGTH, _EDIT_STEPS_MIN = 0.55, 3
"""Of these steps the last half are taken: a single one would start from noise alone."""

_LOADED, _SAMPLED = 0.1, 0.7
"""Shares of the time, about."""

_PROBE_S, _PROBE_SIDE_PX, _PROBES_PER_STEP = 3.0, 512, 900
"""One step of SDXS-512, its decoding included, takes as long as so many probes; measured."""


def free_bytes() -> int | None:
    """Return the memory that is available; None if the kernel does not say."""
    try:
        text = Path("/proc/meminfo").read_text()
    except OSError:
        return None
    return int(text.partition("MemAvailable:")[2].split()[0]) << 10


def lack_of_memory(needed_bytes: int) -> str:
    """Return in a sentence how much memory is missing, empty if there is enough."""
    free = free_bytes()
    if free is None or free >= needed_bytes:
        return ""
    return f"a picture needs {needed_bytes / 1e9:.1f} GB of free memory, and {free / 1e9:.1f} are"


def seconds_per_step() -> float:
    """Measure for 3 s how long a step for 512 × 512 pixels takes here, with nothing else to do."""
    sd = import_module("cyllama.sd")
    picture = Path(f"/dev/shm/imgbot-{os.getpid()}.png")  # noqa: S108 -- removed below
    Image.effect_noise((_PROBE_SIDE_PX, _PROBE_SIDE_PX), 64).convert("RGB").save(picture)
    try:
        image, count, begun_s, used_s = sd.SDImage.load(str(picture)), 0, time.monotonic(), 0.0
        while time.monotonic() - begun_s < _PROBE_S:
            since_s = time.thread_time()
            sd.canny_preprocess(image)
            used_s, count = used_s + time.thread_time() - since_s, count + 1
    finally:
        picture.unlink()
    return used_s / count * _PROBES_PER_STEP / _threads()


def _threads() -> int:
    return len(os.sched_getaffinity(0))


def draw(order: ModelOrder) -> str:
    """Write a picture to the order's target as a PNG, its progress to the target + .progress.

    RuntimeError if the model cannot be used, UserError for a source that is no picture.
    """
    if lack := lack_of_memory(order.needed_bytes):
        raise RuntimeError(lack)
    # A hardened unit forbids it, and sets a weight for the whole service instead.
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, order.scheduling, os.sched_param(0))
    start = Path(f"{order.target}.start.png")
    try:
        size = _size_for(order.ratio, order.side_px)
        if order.sources:
            size = _prepare(order.sources[0], order.side_px, start)
        _draw(order, size, str(start) if order.sources else "")
    finally:
        start.unlink(missing_ok=True)
        Path(f"{order.target}.progress").unlink(missing_ok=True)
    return order.target


def _draw(order: ModelOrder, size: tuple[int, int], start: str) -> None:
    sd = import_module("cyllama.sd")
    # Not its log as well: threads that load would wait for the interpreter, which waits for them.
    sd.set_progress_callback(_ignore)
    options: dict[str, Any] = {"sample_steps": order.steps}
    if start:
        steps = max(order.steps, _EDIT_STEPS_MIN)
        init_image = sd.SDImage.load(start)
        options = {"sample_steps": steps, "init_image": init_image, "strength": _EDIT_STRENGTH}
    try:
        with sd.SDContext(_parameters(sd, order.model)) as context:
            sd.set_progress_callback(_progress(order.target))
            [image] = context.generate(
                _plain(order.prompt),
                _plain(order.negative),
                width=size[0],
                height=size[1],
                seed=order.seed,
                cfg_scale=order.guidance,
                **options,
            )
        image.save_png(order.target)
    except (OSError, RuntimeError, ValueError) as error:
        why = "it is damaged, is of an unknown kind, or needs more memory than there is"
        raise RuntimeError(f"{order.model} cannot be used: {why}") from error


def _parameters(sd: Any, model: str) -> Any:
    parameters = sd.SDContextParams(model_path=model)
    parameters.n_threads = _threads()
    parameters.enable_mmap = True
    # A quarter of a gigabyte less, for a tenth of the time.
    parameters.vae_conv_direct = True
    # Else it cannot read a source.
    parameters.vae_decode_only = False
    return parameters


def _ignore(_step: int, _steps: int, _seconds: float) -> None:
    """Take the progress of loading, which would be printed otherwise."""


def _progress(target: str) -> Callable[[int, int, float], None]:
    path, part = Path(f"{target}.progress"), Path(f"{target}.progress.part")

    def report(step: int, steps: int, _seconds: float) -> None:
        part.write_text(f"{_LOADED + _SAMPLED * step / max(1, steps):.2f}", encoding="ascii")
        part.replace(path)

    return report


def _plain(text: str) -> str:
    # Half of a surrogate pair, or a zero byte, may come from a user.
    return text.encode(errors="replace").decode().replace("\0", " ")[:_PROMPT_CHARACTERS]


def _prepare(source: str, side_px: int, target: Path) -> tuple[int, int]:
    """Write a source in the size of its picture; return the size."""
    image = flatten(
        decode(
            source,
            limit_megapixels=SOURCE_LIMIT_MEGAPIXELS,
            keep_megapixels=_KEPT_MEGAPIXELS,
        )
    )
    size = _size_for(f"{image.width}:{image.height}", side_px)
    ImageOps.fit(image, size).save(target)
    return size


def _size_for(ratio: str, side_px: int) -> tuple[int, int]:
    """Return a size with the area of a square of `side_px`, at most twice as long as wide."""
    width, _, height = (ratio or "1:1").partition(":")
    long = min(2.0, max(0.5, float(width) / float(height))) ** 0.5
    return _on_grid(side_px * long), _on_grid(side_px / long)


def _on_grid(side_px: float) -> int:
    return max(1, round(side_px / _GRID_PX)) * _GRID_PX
