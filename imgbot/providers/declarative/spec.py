"""What a provider's file may say. This is the whole vocabulary, and it stays this small.

See `presets/replicate.toml` for one with a comment on every part.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from imgbot.domain.errors import ProviderErrorKind
from imgbot.domain.operations import Operation
from imgbot.providers import fields
from imgbot.providers.declarative.paths import is_path
from imgbot.providers.fields import Count, KeyName, PriceUsd, ProviderName, Url
from imgbot.providers.spec_file import LocatedTable

Stage = Literal["upload", "submit", "poll", "task", "result"]
"""Where a refusal was met; `task` is a task that the provider itself calls failed."""


def _path(value: str) -> str:
    if not is_path(value):
        raise ValueError(f"{value!r} is no path; write it like data.taskId or images[*].url")
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is no regular expression: {error}") from None
    return value


PathText = Annotated[str, AfterValidator(_path)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Paths = tuple[PathText, ...]


class Auth(LocatedTable):
    """The header that carries the key, and the hosts that may see it."""

    header: str
    value: str = "Bearer {key}"
    hosts: tuple[str, ...] = ()


class RateLimits(fields.Limits):
    """The provider's own: tasks at once, and orders in a window; 0 is no limit."""

    orders: Count = 0
    window_s: Annotated[float, Field(gt=0)] = 60.0


class Ok(LocatedTable):
    """What an answer must say beside its HTTP status to count as a yes."""

    path: PathText
    equals: str | int | bool


class Submit(LocatedTable):
    """How an order is sent, and where the answer names its ticket."""

    method: Literal["POST", "PUT"] = "POST"
    url: str
    query: Mapping[str, str] = Field(default_factory=dict[str, str])
    headers: Mapping[str, str] = Field(default_factory=dict[str, str])
    id: Paths
    poll: Paths = ()
    result: Paths = ()
    cancel: Paths = ()


class Poll(LocatedTable):
    """How a task is asked for; a state that is not listed counts as pending."""

    method: Literal["GET", "POST"] = "GET"
    url: tuple[str, ...]
    state: Paths
    states: Mapping[str, Literal["pending", "done", "failed"]]
    progress: Paths = ()
    position: Paths = ()


class Fetch(LocatedTable):
    """A further step where the state and the result have addresses of their own."""

    url: tuple[str, ...]


class Outputs(LocatedTable):
    """One place where finished pictures may stand; `json_path` leads on inside a JSON text."""

    path: PathText
    json_path: PathText | None = None
    kind: Literal["url", "base64"] = "url"


class Failure(LocatedTable):
    """Where a failed task says why, and whether it is charged."""

    code: Paths = ()
    text: Paths = ()
    billed: bool | None = None


class ErrorRule(LocatedTable):
    """The first rule whose every condition holds gives the kind of a refusal."""

    at: tuple[Stage, ...] = ()
    http: tuple[int, ...] = ()
    path: PathText | None = None
    equals: tuple[str | int | bool, ...] = ()
    text: Pattern = ""
    kind: ProviderErrorKind
    billed: bool | None = None
    retry_after: Paths = ()
    retry_after_text: Pattern = ""

    @model_validator(mode="after")
    def _has_condition(self) -> "ErrorRule":
        if not (self.http or self.path or self.text):
            raise ValueError("a rule needs a condition: http, path or text")
        return self


class Flag(LocatedTable):
    """What makes a finished picture a refusal: any true value at this path."""

    path: PathText
    kind: ProviderErrorKind = ProviderErrorKind.MODERATED


class Cancel(LocatedTable):
    """How a task is called off; any other status says that it was too late."""

    method: Literal["POST", "PUT", "DELETE"] = "POST"
    url: tuple[str, ...]
    accepted: tuple[int, ...] = (200, 202, 204)
    state: Paths = ()
    too_late: tuple[str, ...] = ()


class UploadRule(LocatedTable):
    """How a picture gets an address at the provider.

    `multipart` posts it as a form, `json` as base64 in a body; `presigned` asks for an address
    and puts the bytes there, `token` asks for a token and posts the bytes with it.
    """

    kind: Literal["multipart", "json", "presigned", "token"]
    url: str
    file: str = "file"
    fields: Mapping[str, str] = Field(default_factory=dict[str, str])
    body: Mapping[str, Any] = Field(default_factory=dict[str, Any])
    put: Paths = ()
    base: Paths = ()
    token: Paths = ()
    token_type: Paths = ()
    path: str = ""
    result: Paths


class InputDelivery(fields.InputRules):
    """What pictures must look like, and how they are handed over."""

    hand_over: Literal["data_uri", "base64", "upload"] = "data_uri"
    data_uri_max_bytes: Annotated[int, Field(ge=0)] = 0
    """Longer ones are uploaded; 0 is no limit."""


class Search(LocatedTable):
    """Where the latest tasks are listed, and what each was ordered with."""

    url: str
    query: Mapping[str, str] = Field(default_factory=dict[str, str])
    items: PathText
    next: Paths = ()
    """The address of the next page."""
    created: Paths
    input: PathText
    order: PathText | None = None
    """Where the same stands in the body of an order; without it, that is all of the body."""
    id: Paths
    poll: Paths = ()
    result: Paths = ()
    cancel: Paths = ()


class Hook(LocatedTable):
    """How webhooks are signed, and where they name their task."""

    scheme: Literal["none", "standard", "standard_raw", "fal", "kie"] = "none"
    key: KeyName = ""
    key_url: str = ""
    key_path: Paths = ()
    task: Paths


class Balance(LocatedTable):
    """Where the account can be asked for nothing; `path` says what is left, if anything does."""

    url: str
    path: PathText | None = None


class DeclaredModel(LocatedTable):
    """One model, the operations that it serves, and the body of an order for it."""

    operations: tuple[Operation, ...]
    id: str
    url: str = ""
    price_usd: PriceUsd = 0.0
    scale_prices_usd: Mapping[Annotated[str, Field(pattern=r"^[2-8]$")], PriceUsd] = Field(
        default_factory=dict[str, PriceUsd]
    )
    """By scale, where the price depends on it: `{ 2 = 0.05, 4 = 0.10 }`."""
    pictures: Annotated[int, Field(ge=0, le=20)] = 0
    """The most pictures that it takes."""
    ratios: tuple[str, ...] = ()
    scales: tuple[int, ...] = ()
    max_side_px: Annotated[int, Field(ge=0)] = 0
    body: Mapping[str, Any]

    @field_validator("ratios")
    @classmethod
    def _are_ratios(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [ratio for ratio in value if not re.fullmatch(r"[1-9]\d?:[1-9]\d?", ratio)]:
            raise ValueError(f"{wrong[0]!r} is no ratio; write it like 16:9")
        return value

    @model_validator(mode="after")
    def _has_every_price(self) -> "DeclaredModel":
        if self.scale_prices_usd and {*self.scale_prices_usd} != {*map(str, self.scales)}:
            raise ValueError("scale_prices_usd must have a price for every one of the scales")
        return self


class Spec(LocatedTable):
    """A provider whole."""

    name: ProviderName
    key: KeyName = ""
    urls: Mapping[str, Url]
    auth: Auth | None = None
    limits: RateLimits = RateLimits()
    ok: Ok | None = None
    inputs: InputDelivery = InputDelivery()
    upload: UploadRule | None = None
    submit: Submit
    poll: Poll
    result: Fetch | None = None
    outputs: tuple[Outputs, ...]
    failure: Failure = Failure()
    flags: tuple[Flag, ...] = ()
    errors: tuple[ErrorRule, ...] = ()
    cancel: Cancel | None = None
    search: Search | None = None
    hook: Hook | None = None
    balance: Balance | None = None
    prompts: Mapping[Operation, str] = Field(default_factory=dict[Operation, str])
    """What is said where a person says nothing; in front of her words where she retouches."""
    maps: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict[str, Mapping[str, Any]])
    models: Annotated[tuple[DeclaredModel, ...], Field(min_length=1)]
    """The first one that serves an operation is its default."""
