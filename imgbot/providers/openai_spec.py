"""Spec file of a server that speaks OpenAI's Images API.

See `presets/openai.toml` for an annotated example.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from imgbot.domain.operations import OPERATIONS, Operation
from imgbot.providers.fields import (
    Headers,
    InputRules,
    KeyName,
    Limits,
    OfferedOperation,
    PriceUsd,
    ProviderName,
    Url,
)
from imgbot.providers.sizes import fitted, nearest, value_of
from imgbot.providers.spec_file import LocatedTable, SpecDocument, validate


def _is_served(value: Operation) -> Operation:
    # The API has no upscaler.
    if OPERATIONS[value].has_scale:
        raise ValueError(f"the API does not {value}")
    return value


Served = Annotated[OfferedOperation, AfterValidator(_is_served)]

Size = Annotated[str, Field(pattern=r"^[1-9]\d{1,4}x[1-9]\d{1,4}$")]

_MAX_PICTURES = 16
_RESERVED = frozenset(
    {"model", "prompt", "image", "image[]", "mask", "n", "stream", "partial_images"}
    | {"response_format"}
)


class Sizes(LocatedTable):
    """Mapping of a ratio to `size`: from a list, or by area; with neither, none is sent."""

    listed: Mapping[str, Size] = Field(default_factory=dict[str, str])
    default: Annotated[str, Field(pattern=r"^(|auto|[1-9]\d{1,4}x[1-9]\d{1,4})$")] = ""
    """Sent if no ratio is requested; empty leaves the size to the server."""
    area_px: Annotated[int, Field(ge=0, le=1 << 26)] = 0
    multiple_of_px: Annotated[int, Field(ge=1, le=256)] = 16

    @field_validator("listed")
    @classmethod
    def _are_ratios(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        if wrong := [ratio for ratio in value if value_of(ratio) is None]:
            raise ValueError(f"{wrong[0]!r} is not a ratio; write it like 16:9")
        return value

    @model_validator(mode="after")
    def _is_one_of_both(self) -> "Sizes":
        if self.listed and self.area_px:
            raise ValueError("set either listed or area_px, not both")
        return self

    def size_of(self, ratio: str) -> str:
        """Return the nearest size; empty if none is to be sent."""
        if self.listed:
            return self.listed.get(nearest(ratio, self.listed), self.default)
        sides = fitted(ratio, self.area_px, self.multiple_of_px) if self.area_px else None
        return f"{sides[0]}x{sides[1]}" if sides else self.default


class ImagesApiModel(LocatedTable):
    """One model, its operations, and further fields of its requests."""

    operations: Annotated[tuple[Served, ...], Field(min_length=1)]
    id: str = ""
    """Empty sends none, for servers with a single model."""
    price_usd: PriceUsd = 0.0
    pictures: Annotated[int, Field(ge=1, le=_MAX_PICTURES)] = 1
    """Maximum number of pictures."""
    body: Mapping[str, str | int | float | bool] = Field(
        default_factory=dict[str, "str | int | float | bool"]
    )

    @field_validator("body")
    @classmethod
    def _leaves_room(cls, value: Mapping[str, object]) -> Mapping[str, object]:
        if taken := sorted(value.keys() & _RESERVED):
            raise ValueError(f"{taken[0]} is set by imgbot itself")
        return value


class OpenAiSpec(LocatedTable):
    """Complete spec file of one server."""

    adapter: Literal["openai"]
    name: ProviderName = "openai"
    url: Url
    key: KeyName = ""
    headers: Headers = Field(default_factory=dict[str, str])
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 600.0
    response_format: Literal["none", "b64_json"] = "none"
    edit_field: Literal["image[]", "image"] = "image[]"
    limits: Limits = Limits()
    inputs: InputRules = InputRules()
    sizes: Sizes = Sizes()
    prompts: Mapping[Served, str] = Field(default_factory=dict[Operation, str])
    """Default prompt where the user gave none; prefix of the user's prompt for retouch."""
    models: Annotated[tuple[ImagesApiModel, ...], Field(min_length=1)]
    """The first model that serves an operation is its default."""

    def model_for(self, operation: Operation, name: str = "") -> ImagesApiModel | None:
        """Return the named model, else the default model under that name; None if not served."""
        serving = [model for model in self.models if operation in model.operations]
        if not serving:
            return None
        named = [model for model in serving if model.id == name]
        if named or not name:
            return (named or serving)[0]
        return serving[0].model_copy(update={"id": name})

    def prompt_for(self, operation: Operation, words: str) -> str:
        """Return the prompt to send."""
        standing = self.prompts.get(operation, "")
        if operation is Operation.RETOUCH:
            return f"{standing} {words}".strip()
        return words.strip() or standing


def read_openai(document: SpecDocument) -> OpenAiSpec:
    """Return the parsed spec. Raises ConfigError with the line of the first mistake."""
    return validate(document, OpenAiSpec)
