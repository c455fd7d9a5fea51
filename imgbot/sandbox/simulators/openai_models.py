"""OpenAI's image models and parameters as data, its prices, and its words for what is wrong."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imgbot.sandbox.provider_tasks import Refusal
from imgbot.sandbox.simulators.fields import Field, Problem, choice, flag, problems, type_name

_LISTED_SIZES = ("1024x1024", "1024x1536", "1536x1024")
_QUALITIES = ("low", "medium", "high")
_AUTO_QUALITY = "medium"
_SIZE = re.compile(r"([1-9]\d{1,3})x([1-9]\d{1,3})")
_LONGEST, _SHORTEST_OF_LONGEST = 3840, 2160
_FREE_SIZES = (
    "width and height must be divisible by 16, the longer at most 3 times the shorter, "
    "and the whole at most 3840x2160"
)


@dataclass(frozen=True, slots=True)
class Model:
    """What differs between the models; prices are of 1024x1024, by quality."""

    prices_usd: tuple[float, float, float]
    output_tokens: tuple[int, int, int] = (272, 1056, 4160)
    has_free_sizes: bool = False
    has_fidelity: bool = False


MODELS: Mapping[str, Model] = {
    "gpt-image-1-mini": Model((0.005, 0.011, 0.036)),
    "gpt-image-1.5": Model((0.009, 0.034, 0.133), has_fidelity=True),
    "gpt-image-2": Model((0.006, 0.053, 0.211), (196, 1756, 7024), has_free_sizes=True),
}

GENERATION: Mapping[str, Field] = {
    "model": Field("text", is_required=True),
    "prompt": Field("text", is_required=True, least=1, most=32_000),
    "n": Field("integer", least=1, most=10),
    "size": Field("text"),
    "quality": choice("low", "medium", "high", "auto"),
    "background": choice("transparent", "opaque", "auto"),
    "output_format": choice("png", "jpeg", "webp"),
    "output_compression": Field("integer", least=0, most=100),
    "moderation": choice("low", "auto"),
    "safety_identifier": Field("text", most=64),
    "user": Field("text"),
    "stream": flag(),
    "partial_images": Field("integer", least=0, most=3),
}
EDIT: Mapping[str, Field] = {
    **GENERATION,
    "input_fidelity": choice("high", "low"),
}


class Wrong(Refusal):
    """A refusal that names the parameter."""

    def __init__(
        self, code: str, message: str, param: str | None = None, status: int = 400
    ) -> None:
        super().__init__(status, code, message)
        self.param = param


@dataclass(frozen=True, slots=True)
class Wish:
    """A checked request, with all that was left open decided."""

    model: str
    prompt: str
    count: int
    width: int
    height: int
    quality: str
    background: str
    output_format: str

    @property
    def price_usd(self) -> float:
        share = self.width * self.height / 1024**2
        price_usd = MODELS[self.model].prices_usd[_QUALITIES.index(self.quality)]
        return round(price_usd * share * self.count, 6)

    def usage(self, pictures: int) -> dict[str, Any]:
        text_tokens, image_tokens = len(self.prompt) // 4 + 1, 323 * pictures
        tokens = MODELS[self.model].output_tokens[_QUALITIES.index(self.quality)]
        output_tokens = round(tokens * self.width * self.height / 1024**2) * self.count
        return {
            "input_tokens": text_tokens + image_tokens,
            "output_tokens": output_tokens,
            "total_tokens": text_tokens + image_tokens + output_tokens,
            "input_tokens_details": {"text_tokens": text_tokens, "image_tokens": image_tokens},
        }


def checked(fields: Mapping[str, Field], given: Mapping[str, Any]) -> Wish:
    """Check a request's parameters. Raises Wrong for the first that is wrong."""
    model_name = given.get("model")
    if isinstance(model_name, str) and model_name not in MODELS:
        raise Wrong(
            "model_not_found",
            f"The model '{model_name[:100]}' does not exist or you do not have access to it.",
            status=404,
        )
    for problem in problems(fields, given):
        raise _worded(problem)
    named = {name: value for name, value in given.items() if value is not None}
    model = MODELS[named["model"]]
    if "input_fidelity" in named and not model.has_fidelity:
        raise Wrong(
            "invalid_input_fidelity_model",
            f"The model '{named['model']}' does not support the 'input_fidelity' parameter.",
            "input_fidelity",
        )
    output_format, background = named.get("output_format", "png"), named.get("background", "auto")
    if output_format == "jpeg" and background == "transparent":
        message = "Transparent background is not supported for JPEG output format."
        raise Wrong("invalid_value", message, "background")
    if named.get("stream"):
        raise Wrong("invalid_value", "This simulator does not stream.", "stream")
    width, height = _size(model, named.get("size", "auto"))
    quality = named.get("quality", "auto")
    return Wish(
        model=named["model"],
        prompt=named["prompt"],
        count=named.get("n", 1),
        width=width,
        height=height,
        quality=_AUTO_QUALITY if quality == "auto" else quality,
        background="opaque" if background == "auto" else background,
        output_format=output_format,
    )


def _size(model: Model, size: str) -> tuple[int, int]:
    if size == "auto":
        return 1024, 1024
    found = _SIZE.fullmatch(size)
    if found and (size in _LISTED_SIZES or model.has_free_sizes):
        width, height = int(found[1]), int(found[2])
        if size in _LISTED_SIZES or _is_allowed(width, height):
            return width, height
        raise Wrong("invalid_value", f"Invalid size '{size}': {_FREE_SIZES}.", "size")
    raise Wrong("invalid_value", _not_one_of(size, (*_LISTED_SIZES, "auto")), "size")


def _is_allowed(width: int, height: int) -> bool:
    longer, shorter = max(width, height), min(width, height)
    is_small = longer <= _LONGEST and shorter <= _SHORTEST_OF_LONGEST
    return is_small and not width % 16 and not height % 16 and longer <= 3 * shorter


def _not_one_of(value: Any, values: tuple[str, ...]) -> str:
    listed = ", ".join(f"'{each}'" for each in values[:-1])
    return f"Invalid value: '{value}'. Supported values are: {listed}, and '{values[-1]}'."


_WORDS = {
    "missing": ("missing_required_parameter", "Missing required parameter: '{name}'."),
    "unknown": ("unknown_parameter", "Unknown parameter: '{name}'."),
    "type": ("invalid_type", (
        "Invalid type for '{name}': expected {wanted}, but got {got} instead."
    )),
    "long": ("string_above_max_length", (
        "Invalid '{name}': string too long. Expected a string with maximum length {most:.0f}, "
        "but got a string with length {length} instead."
    )),
    "least": ("integer_below_min_value", (
        "Invalid '{name}': integer below minimum value. "
        "Expected a value >= {least:.0f}, but got {given} instead."
    )),
    "most": ("integer_above_max_value", (
        "Invalid '{name}': integer above maximum value. "
        "Expected a value <= {most:.0f}, but got {given} instead."
    )),
}  # fmt: skip
_TYPES = {"text": "a string", "integer": "an integer", "flag": "a boolean"}


def _worded(problem: Problem) -> Wrong:
    field = problem.field
    if problem.fault == "choice":
        return Wrong("invalid_value", _not_one_of(problem.given, field.choices), problem.name)
    code, words = _WORDS.get(problem.fault, ("invalid_value", "Invalid value for '{name}'."))
    message = words.format(
        name=problem.name,
        given=problem.given,
        got=type_name(problem.given),
        length=len(problem.given) if isinstance(problem.given, str) else 0,
        wanted=_TYPES.get(field.kind, field.kind),
        least=field.least or 0,
        most=field.most or 0,
    )
    return Wrong(code, message, problem.name)
