"""Fields shared by the spec files of several adapters: URLs, headers, prices, ratios, inputs."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from imgbot.domain.operations import OPERATIONS, Operation
from imgbot.providers.protocol import InputLimits
from imgbot.providers.spec_file import LocatedTable
from imgbot.providers.url_policy import split

KEY_SLOT = "{key}"
"""Placeholder for the key in a header; the key itself is never in a file."""

_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,80}")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]{0,500}")
_OURS = frozenset({"accept-encoding", "content-length", "content-type", "host", "origin"})


class Vendor(LocatedTable):
    """Company that runs the service, for `/privacy`: its name and the code of its country."""

    vendor: Annotated[str, Field(max_length=60)] = ""
    country: Annotated[str, Field(pattern=r"^([A-Z]{2})?$")] = ""


def _address(value: str) -> str:
    if split(value) is None:
        raise ValueError(f"{value!r} is not a URL; write it like https://api.example.com/v1")
    return value.rstrip("/")


def _environment_name(value: str) -> str:
    if value and (not re.fullmatch(r"[A-Z][A-Z0-9_]{2,60}", value) or value.startswith("IMGBOT_")):
        raise ValueError("write the name of a dedicated variable, like EXAMPLE_API_KEY")
    return value


def _header(value: Mapping[str, str]) -> Mapping[str, str]:
    for name, text in value.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(text):
            raise ValueError(f"{name!r} is not a header with plain text")
        if name.lower() in _OURS:
            raise ValueError(f"{name!r} is set by imgbot itself")
    return value


def _offered(value: Operation) -> Operation:
    if not OPERATIONS[value].is_offered:
        raise ValueError(f"{value} is no operation for a provider")
    return value


OfferedOperation = Annotated[Operation, AfterValidator(_offered)]
ProviderName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")]
Url = Annotated[str, AfterValidator(_address)]
KeyName = Annotated[str, AfterValidator(_environment_name)]
Headers = Annotated[Mapping[str, str], AfterValidator(_header)]
PriceUsd = Annotated[float, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=0, le=10_000)]


class Limits(LocatedTable):
    """The provider's own limit of concurrent tasks; 0 is no limit."""

    jobs: Count = 0


class InputRules(LocatedTable):
    """Requirements on input pictures; 0 is no limit."""

    max_side_px: Annotated[int, Field(ge=0)] = 2048
    max_bytes: Annotated[int, Field(ge=0)] = 20_000_000
    formats: tuple[Literal["jpeg", "png"], ...] = ("jpeg", "png")

    def limits(self, max_count: int, max_side_px: int = 0) -> InputLimits:
        """Return the limits of an operation; a side of its own overrides that of all."""
        return InputLimits(
            max_count, max_side_px or self.max_side_px, self.max_bytes, frozenset(self.formats)
        )


def prompt_for(prompts: Mapping[Operation, str], operation: Operation, words: str) -> str:
    """Return the prompt to send: the file's own without a user's, and before that of a retouch."""
    standing, words = prompts.get(operation, ""), words.strip()
    is_led = operation is Operation.RETOUCH or not words
    return f"{standing} {words}".strip() if is_led else words


def micro(price_usd: float) -> int:
    """Convert US dollars to micro-dollars."""
    return round(price_usd * 1_000_000)


def with_key(headers: Mapping[str, str], key: str) -> dict[str, str]:
    """Put the key into the headers of a spec file."""
    return {name: text.replace(KEY_SLOT, key) for name, text in headers.items()}


def has_key_slot(headers: Mapping[str, str]) -> bool:
    return any(KEY_SLOT in text for text in headers.values())


_RATIO = re.compile(r"(\d{1,4}):(\d{1,4})")
_MAX_RATIO = 3.0
"""Longest supported side ratio; no model draws anything longer."""


def value_of(ratio: str) -> float | None:
    """Return width divided by height, clamped to what can be drawn; None for an invalid ratio."""
    found = _RATIO.fullmatch(ratio)
    if not found or not int(found[1]) or not int(found[2]):
        return None
    return min(max(int(found[1]) / int(found[2]), 1 / _MAX_RATIO), _MAX_RATIO)


def fitted(ratio: str, area_px: int, multiple_px: int) -> tuple[int, int] | None:
    """Return sides of about this area, divisible by `multiple_px`; None for an invalid ratio."""
    value = value_of(ratio)
    if value is None:
        return None
    height_px = math.sqrt(area_px / value)
    return _rounded(height_px * value, multiple_px), _rounded(height_px, multiple_px)


def nearest(ratio: str, offered: Iterable[str]) -> str:
    """Return the nearest of the offered ratios; empty if there is nothing to compare."""
    wanted = value_of(ratio)
    known = {each: value for each in offered if (value := value_of(each)) is not None}
    if wanted is None or not known:
        return ""
    return min(known, key=lambda each: abs(math.log(known[each] / wanted)))


def _rounded(side_px: float, multiple_px: int) -> int:
    return max(round(side_px / multiple_px), 1) * multiple_px
