"""WaveSpeed's models as data, and its words for what is wrong with an input."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imgbot.sandbox.simulators.fields import (
    Field,
    Problem,
    choice,
    flag,
    pictures,
    problems,
    type_name,
    words,
)
from imgbot.sandbox.simulators.painting import Picture, ratio_size

_RATIOS = (
    "1:1", "3:2", "2:3", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9", "1:4", "4:1", "1:8",
    "8:1",
)  # fmt: skip
_SIDES = {"1k": 1024, "2k": 2048, "4k": 4096, "8k": 8192}
_LEAST_SIDE, _MOST_SIDE = 1024, 4096
_COMMON: Mapping[str, Field] = {
    "enable_sync_mode": flag(),
    "enable_base64_output": flag(),
}
_PROMPT = words(20_000, least=1)
_IMAGE = Field("picture", "pictures", is_required=True, least=1)
_BANANA: Mapping[str, Field] = {
    **_COMMON,
    "prompt": _PROMPT,
    "aspect_ratio": choice(*_RATIOS),
    "resolution": choice("1k", "2k", "4k"),
    "output_format": choice("png", "jpeg"),
    "enable_web_search": flag(),
    "enable_image_search": flag(),
}
_SEEDREAM: Mapping[str, Field] = {**_COMMON, "prompt": _PROMPT, "size": Field("text")}

Size = tuple[int, int]
Sizing = Callable[[Mapping[str, Any], Sequence[Picture]], Size]


def _banana_size(given: Mapping[str, Any], pictures: Sequence[Picture]) -> Size:
    side = _SIDES[given.get("resolution") or "1k"]
    ratio = given.get("aspect_ratio")
    if not ratio and pictures:
        ratio = f"{pictures[0].width}:{pictures[0].height}"
    return ratio_size(ratio or "1:1", side * side)


def _seedream_size(given: Mapping[str, Any], _pictures: Sequence[Picture]) -> Size:
    """Raises ValueError for what is no size."""
    across, star, down = (given.get("size") or "2048*2048").partition("*")
    if not star or not across.isdecimal() or not down.isdecimal():
        raise ValueError("size must be like 2048*2048")
    size = int(across[:6]), int(down[:6])
    if min(size) < _LEAST_SIDE or max(size) > _MOST_SIDE:
        raise ValueError(f"size must be from {_LEAST_SIDE} to {_MOST_SIDE} per side")
    return size


def _upscaled_size(given: Mapping[str, Any], pictures: Sequence[Picture]) -> Size:
    """The longer side gets the target's length, and never shrinks."""
    width, height = pictures[0].width, pictures[0].height
    side = _SIDES[given.get("target_resolution") or "4k"]
    share = max(1.0, side / max(width, height))
    return round(width * share), round(height * share)


def _same_size(_given: Mapping[str, Any], pictures: Sequence[Picture]) -> Size:
    return pictures[0].width, pictures[0].height


@dataclass(frozen=True, slots=True)
class Model:
    """One model; without an operation of its own it is told by the number of pictures."""

    fields: Mapping[str, Field]
    price_usd: float
    size: Sizing
    operation: str = ""
    default_format: str = "jpeg"


MODELS: Mapping[str, Model] = {
    "google/nano-banana-2.1/text-to-image": Model(
        _BANANA, 0.07, _banana_size, default_format="png"
    ),
    "google/nano-banana-2.1/edit": Model(
        {**_BANANA, "images": pictures(14, least=1)}, 0.07, _banana_size, default_format="png"
    ),
    "bytedance/seedream-v4.5": Model(_SEEDREAM, 0.04, _seedream_size),
    "bytedance/seedream-v4.5/edit": Model(
        {**_SEEDREAM, "images": pictures(10, least=1)},
        0.04,
        _seedream_size,
    ),
    "wavespeed-ai/ultimate-image-upscaler": Model(
        {
            **_COMMON,
            "image": _IMAGE,
            "target_resolution": choice("2k", "4k", "8k"),
            "output_format": choice("jpeg", "png", "webp"),
        },
        0.06,
        _upscaled_size,
        "upscale",
    ),
    "topaz/image/restore": Model(
        {
            **_COMMON,
            "image": _IMAGE,
            "model": Field("text"),
            "output_format": choice("jpeg", "png"),
        },
        0.1,
        _same_size,
        "retouch",
    ),
}  # fmt: skip

_WORDS = {
    "missing": 'property "{name}" is missing',
    "type": 'property "{name}" must be {wanted}, not {got}',
    "choice": 'property "{name}" must be one of {values}',
    "short": 'property "{name}" must have at least {least:g} item(s)',
    "many": 'property "{name}" must have at most {most:g} item(s)',
    "long": 'property "{name}" must have at most {most:g} characters',
}
_TYPES = {
    "text": "a string",
    "picture": "a string",
    "pictures": "an array of strings",
    "flag": "a boolean",
}


def problem(model: Model, given: Mapping[str, Any]) -> str:
    """The first thing that is wrong; fields that nobody knows are not looked at."""
    found = problems(model.fields, given, lenient=True)
    return _worded(model, given, found[0]) if found else ""


def ignored(model: Model, given: Mapping[str, Any]) -> list[str]:
    return sorted(given.keys() - model.fields.keys())


def _worded(model: Model, given: Mapping[str, Any], problem: Problem) -> str:
    field = model.fields[problem.name]
    return _WORDS[problem.fault].format(
        name=problem.name,
        wanted=_TYPES[field.kind],
        got=type_name(given.get(problem.name)),
        values=", ".join(field.choices),
        least=field.least or 0,
        most=field.most or 0,
    )
