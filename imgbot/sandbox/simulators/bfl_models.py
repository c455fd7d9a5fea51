"""Black Forest Labs' models as data: what they take, what they cost, how much at once."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imgbot.sandbox.simulators import fields
from imgbot.sandbox.simulators.fields import Field, Problem, flag
from imgbot.sandbox.simulators.painting import Picture, ratio_size

_MEGAPIXEL = 1_000_000
_MOST_PIXELS = 4 * 1024 * 1024
_DATA_URL = re.compile(r"data:image/[a-z]+;base64,")
_RATIO = re.compile(r"([1-9]\d?):([1-9]\d?)")
_WIDEST = 21 / 9

Detail = dict[str, Any]


def _images(count: int) -> dict[str, Field]:
    names = ["input_image", *(f"input_image_{number}" for number in range(2, count + 1))]
    return {name: Field("picture", "pictures") for name in names}


_COMMON: Mapping[str, Field] = {
    "prompt": Field("text", is_required=True, most=130_000),
    "seed": Field("integer", least=0),
    "output_format": Field("text", choices=("jpeg", "png")),
    "webhook_url": Field("text", least=1, most=2083),
    "webhook_secret": Field("text"),
}
_FLUX_2: Mapping[str, Field] = {
    **_COMMON,
    "width": Field("integer", least=64, step=16),
    "height": Field("integer", least=64, step=16),
    "safety_tolerance": Field("integer", least=0, most=5),
}
_KONTEXT: Mapping[str, Field] = {
    **_COMMON,
    **_images(4),
    "aspect_ratio": Field("text"),
    "prompt_upsampling": flag(),
    "safety_tolerance": Field("integer", least=0, most=6),
}


@dataclass(frozen=True, slots=True)
class Model:
    """Prices are of the first megapixel that comes out, of each further one, and of each in."""

    fields: Mapping[str, Field]
    first_usd: float
    further_usd: float = 0.0
    input_usd: float = 0.0
    default_size: tuple[int, int] = (1024, 1024)
    most_active: int = 24

    def price_usd(self, output_mp: float, input_mp: float) -> float:
        further_usd = max(0.0, output_mp - 1) * self.further_usd
        return round(self.first_usd + further_usd + input_mp * self.input_usd, 6)


MODELS: Mapping[str, Model] = {
    "flux-2-klein-4b": Model({**_FLUX_2, **_images(4)}, 0.014, 0.001, 0.001),
    "flux-2-pro": Model({**_FLUX_2, **_images(8)}, 0.03, 0.015, 0.015),
    "flux-2-max": Model({**_FLUX_2, **_images(8)}, 0.07, 0.03, 0.03),
    "flux-2-flex": Model(
        {
            **_FLUX_2,
            **_images(8),
            "prompt_upsampling": flag(),
            "steps": Field("integer", least=1, most=50),
            "guidance": Field("number", least=1.5, most=10),
        },
        0.05,
        0.05,
        0.05,
    ),
    "flux-kontext-pro": Model(_KONTEXT, 0.04),
    "flux-kontext-max": Model(_KONTEXT, 0.08, most_active=6),
    "flux-pro-1.1": Model(
        {
            **_COMMON,
            "image_prompt": Field("picture", "pictures"),
            "width": Field("integer", least=256, most=1440, step=32),
            "height": Field("integer", least=256, most=1440, step=32),
            "prompt_upsampling": flag(),
            "safety_tolerance": Field("integer", least=0, most=6),
        },
        0.04,
        default_size=(1024, 768),
    ),
}


def problems(model: Model, given: Mapping[str, Any]) -> list[Detail]:
    """All that is wrong with a body, as FastAPI lists it."""
    found = [_detail(problem) for problem in fields.problems(model.fields, given)]
    if found:
        return found
    width, height = given.get("width"), given.get("height")
    if width and height and width * height > _MOST_PIXELS:
        found.append(value_error("width", "width * height must be at most 4 megapixels", width))
    ratio = given.get("aspect_ratio")
    if ratio is not None and not _is_ratio(ratio):
        found.append(
            value_error("aspect_ratio", "Aspect ratio must be between 21:9 and 9:21", ratio)
        )
    return found


def _is_ratio(ratio: str) -> bool:
    match = _RATIO.fullmatch(ratio)
    return bool(match) and 1 / _WIDEST <= int(match[1]) / int(match[2]) <= _WIDEST


def size_of(model: Model, given: Mapping[str, Any], pictures: list[Picture]) -> tuple[int, int]:
    """The size that comes out: what is asked for, else that of the first picture."""
    if given.get("aspect_ratio"):
        return ratio_size(given["aspect_ratio"], 1024 * 1024)
    width, height = model.default_size
    if pictures:
        width, height = pictures[0].width, pictures[0].height
        share = min(1.0, (_MOST_PIXELS / (width * height)) ** 0.5)
        width, height = (max(64, int(side * share) // 16 * 16) for side in (width, height))
    return given.get("width") or width, given.get("height") or height


def megapixels(width: int, height: int) -> float:
    return round(width * height / _MEGAPIXEL, 2)


def decoded(value: str) -> bytes:
    """Raises ValueError for what is no base64, as every URL."""
    head = _DATA_URL.match(value)
    try:
        return base64.b64decode(value[head.end() if head else 0 :], validate=True)
    except binascii.Error:
        raise ValueError("Invalid base64 image") from None


def value_error(name: str, message: str, given: Any) -> Detail:
    return {
        "type": "value_error",
        "loc": ["body", name],
        "msg": f"Value error, {message}",
        "input": _shortened(given),
    }


def _shortened(given: Any) -> Any:
    return given[:100] if isinstance(given, str) else given


_WORDS = {
    "missing": ("missing", "Field required"),
    "unknown": ("extra_forbidden", "Extra inputs are not permitted"),
    "least": ("greater_than_equal", "Input should be greater than or equal to {least:g}"),
    "most": ("less_than_equal", "Input should be less than or equal to {most:g}"),
    "step": ("multiple_of", "Input should be a multiple of {step}"),
    "long": ("string_too_long", "String should have at most {most:g} characters"),
    "short": ("string_too_short", "String should have at least {least:g} character"),
    "choice": ("enum", "Input should be {values}"),
}
_TYPES = {
    "text": ("string_type", "Input should be a valid string"),
    "picture": ("string_type", "Input should be a valid string"),
    "integer": ("int_type", "Input should be a valid integer"),
    "number": ("float_type", "Input should be a valid number"),
    "flag": ("bool_type", "Input should be a valid boolean"),
}


def _detail(problem: Problem) -> Detail:
    field, fault = problem.field, problem.fault
    kind, words = _TYPES[field.kind] if fault == "type" else _WORDS[fault]
    message = words.format(
        least=field.least or 0,
        most=field.most or 0,
        step=field.step,
        values=" or ".join(f"'{value}'" for value in field.choices),
    )
    return {
        "type": kind,
        "loc": ["body", problem.name],
        "msg": message,
        "input": None if fault == "missing" else _shortened(problem.given),
    }
