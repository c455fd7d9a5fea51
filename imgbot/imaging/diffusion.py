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
from tempfile import NamedTemporaryFile
from typing import Any

from PIL import Image, ImageOps

from imgbot.domain.local_model import LocalModel
from imgbot.imaging.decoding import decode
from imgbot.imaging.pictures import SOURCE_LIMIT_MEGAPIXELS, flatten

_GRID_PX = 64
_KEPT_MEGAPIXELS = 1.1
_PROMPT_CHARACTERS = 1000
_EDIT_STRENGTH, _EDIT_STEPS_MIN = 0.55, 3
"""Of these steps the last half are taken: a single one would start from noise alone."""

_LOADED, _SAMPLED = 0.1, 0.7
"""Shares of the time, about."""

_PROBE_S, _PROBES_PER_STEP = 3.0, 900
"""One step of SDXS-512, its decoding included, takes as long as so many probes; measured."""


def lack_of_memory(model: LocalModel) -> str:
    """Return in a sentence how much memory is missing, empty if there is enough, or if unknown."""
    try:
        text = Path("/proc/meminfo").read_text()
    except OSError:
        return ""
    free_bytes = int(text.partition("MemAvailable:")[2].split()[0]) << 10
    needed = f"a picture needs {model.needed_bytes / 1e9:.1f} GB of free memory"
    return f"{needed}, and {free_bytes / 1e9:.1f} are" if free_bytes < model.needed_bytes else ""


def seconds_per_step() -> float:
    """Measure for 3 s how long a step for 512 × 512 pixels takes here, with nothing else to do."""
    sd = import_module("cyllama.sd")
    with NamedTemporaryFile(suffix=".png", dir="/dev/shm") as picture:
        Image.effect_noise((512, 512), 64).convert("RGB").save(picture.name)
        image, count, begun_s, used_s = sd.SDImage.load(picture.name), 0, time.monotonic(), 0.0
        while time.monotonic() - begun_s < _PROBE_S:
            since_s = time.thread_time()
            sd.canny_preprocess(image)
            used_s, count = used_s + time.thread_time() - since_s, count + 1
    return used_s / count * _PROBES_PER_STEP / _cores()


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def draw(
    model: LocalModel,
    words: tuple[str, str],
    sources: tuple[str, ...],
    target: str,
    *,
    seed: int,
    ratio: str,
    scheduling: int,
) -> str:
    """Write a picture to `target` as a PNG, and its progress to `target` + .progress.

    `words` are what it shows and what it must not; `scheduling` is a policy of the kernel's.
    RuntimeError if the model cannot be used, UserError for a source that is no picture.
    """
    if lack := lack_of_memory(model):
        raise RuntimeError(lack)
    # A hardened unit forbids it, and sets a weight for the whole service instead.
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, scheduling, os.sched_param(0))
    # It would print the stacks of all threads where memory is short.
    os.environ["GGML_NO_BACKTRACE"] = "1"
    sd, start = import_module("cyllama.sd"), f"{target}.start.png"
    options: dict[str, Any] = {"seed": seed, "sample_steps": model.steps}
    try:
        if sources:
            width, height = _prepare(sources[0], model.side_px, start)
            options["sample_steps"] = max(model.steps, _EDIT_STEPS_MIN)
            options |= {"init_image": sd.SDImage.load(start), "strength": _EDIT_STRENGTH}
        else:
            width, height = _size_for(ratio, model.side_px)
        _draw(sd, model, words, target, width=width, height=height, **options)
    finally:
        for path in (start, f"{target}.progress"):
            Path(path).unlink(missing_ok=True)
    return target


def _draw(sd: Any, model: LocalModel, words: tuple[str, str], target: str, **options: Any) -> None:
    # Any function that is silent; and none for its log: the threads that load would wait for the
    # interpreter, which waits for them.
    sd.set_progress_callback(max)
    try:
        with sd.SDContext(_parameters(sd, model.path)) as context:
            sd.set_progress_callback(_progress(target))
            made = context.generate(*map(_plain, words), cfg_scale=model.guidance, **options)
        made[0].save_png(target)
    except (OSError, RuntimeError, ValueError) as error:
        why = "it is damaged, is of an unknown kind, or needs more memory than there is"
        raise RuntimeError(f"{model.path} cannot be used: {why}") from error


def _parameters(sd: Any, model: str) -> Any:
    parameters = sd.SDContextParams(model_path=model)
    # They wait for each other in loops: one without a core of its own would slow all down.
    parameters.n_threads = max(1, round(_cores() - os.getloadavg()[0]))
    parameters.enable_mmap = True
    # A quarter of a gigabyte less, for a tenth of the time.
    parameters.vae_conv_direct = True
    # Else it cannot read a source.
    parameters.vae_decode_only = False
    return parameters


def _progress(target: str) -> Callable[[int, int, float], None]:
    path, part = Path(f"{target}.progress"), Path(f"{target}.progress.part")

    def report(step: int, steps: int, _seconds: float) -> None:
        part.write_text(f"{_LOADED + _SAMPLED * step / max(1, steps):.2f}", encoding="ascii")
        part.replace(path)

    return report


def _plain(text: str) -> str:
    # Half of a surrogate pair, or a zero byte, may come from a user.
    return text.encode(errors="replace").decode().replace("\0", " ")[:_PROMPT_CHARACTERS]


def _prepare(source: str, side_px: int, target: str) -> tuple[int, int]:
    """Write a source in the size of its picture; return the size."""
    limits = {"limit_megapixels": SOURCE_LIMIT_MEGAPIXELS, "keep_megapixels": _KEPT_MEGAPIXELS}
    image = flatten(decode(source, **limits))
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
