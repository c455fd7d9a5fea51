"""Schema of a provider's spec file, its consistency checks, and the choice of a model.

This is the whole vocabulary, and it stays this small. See `presets/replicate.toml` for an annotated
example.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from imgbot.domain.errors import ConfigError, ProviderErrorKind
from imgbot.domain.operations import Operation
from imgbot.providers import fields
from imgbot.providers.declarative.templates import Place, is_path, slots_in
from imgbot.providers.fields import (
    Count,
    KeyName,
    OfferedOperation,
    PriceUsd,
    ProviderName,
    Url,
    micro,
)
from imgbot.providers.protocol import Capability
from imgbot.providers.spec_file import LocatedTable, SpecDocument, validate

Stage = Literal["upload", "submit", "poll", "task", "result"]
"""Stage of a failed request; `task` means that the provider reports the task itself as failed."""


def _path(value: str) -> str:
    if not is_path(value):
        raise ValueError(f"{value!r} is not a path; write it like data.taskId or images[*].url")
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is not a regular expression: {error}") from None
    return value


PathText = Annotated[str, AfterValidator(_path)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Paths = tuple[PathText, ...]


class Auth(LocatedTable):
    """Header that carries the key, and the hosts that may receive it."""

    header: str
    value: str = "Bearer {key}"
    hosts: tuple[str, ...] = ()


class RateLimits(fields.Limits):
    """The provider's own limits: concurrent tasks, and requests per window; 0 is no limit."""

    orders: Count = 0
    window_s: Annotated[float, Field(gt=0)] = 60.0


class Ok(LocatedTable):
    """Condition on the body, besides the HTTP status, for a response to count as success."""

    path: PathText
    equals: str | int | bool


class TicketPaths(LocatedTable):
    """Paths of the ticket's fields: the task id, and its URLs where the provider names them."""

    id: Paths
    poll: Paths = ()
    result: Paths = ()
    cancel: Paths = ()


class Submit(TicketPaths):
    """Submit request, and the ticket in the response."""

    method: Literal["POST", "PUT"] = "POST"
    url: str
    query: Mapping[str, str] = Field(default_factory=dict[str, str])
    headers: Mapping[str, str] = Field(default_factory=dict[str, str])
    idempotency_header: str = ""
    """Header for our job id, where the provider charges the same id only once."""


class LookUp(TicketPaths):
    """List of the tasks with our job id, and the ticket in an item of it."""

    url: str
    items: PathText


class Poll(LocatedTable):
    """Poll request; an unlisted state counts as pending."""

    method: Literal["GET", "POST"] = "GET"
    url: tuple[str, ...]
    state: Paths
    states: Mapping[str, Literal["pending", "done", "failed"]]
    progress: Paths = ()
    position: Paths = ()


class Fetch(LocatedTable):
    """Separate request for the result, where it has a URL of its own."""

    url: tuple[str, ...]


class Outputs(LocatedTable):
    """Possible place of finished pictures; `json_path` continues inside a JSON string."""

    path: PathText
    json_path: PathText | None = None
    kind: Literal["url", "base64"] = "url"


class Failure(LocatedTable):
    """Paths of a failed task's reason, and whether failed tasks are charged."""

    code: Paths = ()
    text: Paths = ()
    billed: bool | None = None


class ErrorRule(LocatedTable):
    """Error rule; the first one whose conditions all hold gives the error kind."""

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
    """Flag that rejects a finished picture: any true value at this path."""

    path: PathText
    kind: ProviderErrorKind = ProviderErrorKind.MODERATED


class Cancel(LocatedTable):
    """Cancel request; any other status means that it came too late."""

    method: Literal["POST", "PUT", "DELETE"] = "POST"
    url: tuple[str, ...]
    accepted: tuple[int, ...] = (200, 202, 204)
    state: Paths = ()
    too_late: tuple[str, ...] = ()


class UploadRule(LocatedTable):
    """Upload of a picture to get a URL at the provider.

    `multipart` posts a form, `json` posts base64 in a body; `presigned` requests a URL and puts the
    bytes there, `token` requests a token and posts the bytes with it.
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
    """Requirements on input pictures, and the way they are sent."""

    hand_over: Literal["data_uri", "base64", "upload"] = "data_uri"
    data_uri_max_bytes: Annotated[int, Field(ge=0)] = 0
    """Larger ones are uploaded; 0 is no limit."""


class Search(TicketPaths):
    """List of the latest tasks, with the fields each was submitted with."""

    url: str
    query: Mapping[str, str] = Field(default_factory=dict[str, str])
    items: PathText
    next: Paths = ()
    """Path of the next page's URL."""
    created: Paths
    input: PathText
    order: PathText | None = None
    """Path of the same fields in a submit body; without it, the whole body."""


class Hook(LocatedTable):
    """Signature scheme of webhooks, and the path of the task id."""

    scheme: Literal["none", "standard", "standard_raw", "fal", "kie"] = "none"
    key: KeyName = ""
    key_url: str = ""
    key_path: Paths = ()
    task: Paths


class Balance(LocatedTable):
    """Free account request; `path` leads to the balance, if there is one."""

    url: str
    path: PathText | None = None


class DeclaredModel(LocatedTable):
    """One model, its operations, and the body of its submit request."""

    operations: tuple[OfferedOperation, ...]
    id: str
    url: str = ""
    price_usd: PriceUsd = 0.0
    scale_prices_usd: Mapping[Annotated[str, Field(pattern=r"^[2-8]$")], PriceUsd] = Field(
        default_factory=dict[str, PriceUsd]
    )
    """Price by scale, where it depends on it: `{ 2 = 0.05, 4 = 0.10 }`."""
    pictures: Annotated[int, Field(ge=0, le=20)] = 0
    """Maximum number of pictures."""
    ratios: tuple[str, ...] = ()
    scales: tuple[int, ...] = ()
    max_side_px: Annotated[int, Field(ge=0)] = 0
    body: Mapping[str, Any]

    @field_validator("ratios")
    @classmethod
    def _are_ratios(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [ratio for ratio in value if not re.fullmatch(r"[1-9]\d?:[1-9]\d?", ratio)]:
            raise ValueError(f"{wrong[0]!r} is not a ratio; write it like 16:9")
        return value

    @model_validator(mode="after")
    def _has_every_price(self) -> "DeclaredModel":
        if self.scale_prices_usd and {*self.scale_prices_usd} != {*map(str, self.scales)}:
            raise ValueError("scale_prices_usd must have a price for each of the scales")
        return self


class Spec(fields.Vendor):
    """Complete spec file of one provider."""

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
    look_up: LookUp | None = None
    search: Search | None = None
    hook: Hook | None = None
    balance: Balance | None = None
    prompts: Mapping[Operation, str] = Field(default_factory=dict[Operation, str])
    """Default prompt where the user gave none; prefix of the user's prompt for retouch."""
    maps: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict[str, Mapping[str, Any]])
    models: Annotated[tuple[DeclaredModel, ...], Field(min_length=1)]
    """The first model that serves an operation is its default."""


ORDER_SLOTS = frozenset(
    {
        *("prompt", "negative", "image", "images", "ratio", "scale", "seed"),
        *("hook", "model", "app", "job"),
    }
)
TICKET_SLOTS = frozenset({"id", "poll", "result", "cancel", "model", "app"})
SEARCH_SLOTS = frozenset({"model", "app", "since"})
UPLOAD_SLOTS = frozenset({"file_name", "mime", "size_bytes", "data"})


def read_spec(document: SpecDocument) -> Spec:
    """Return the parsed spec. Raises ConfigError with the line of the first mistake."""
    spec = validate(document, Spec)
    if (mistake := _mistake_in(spec, document.content)) is not None:
        raise document.error(*mistake)
    return spec


def _mistake_in(spec: Spec, content: Mapping[str, Any]) -> tuple[Place, str] | None:
    """Return the place and text of the first inconsistency, None if there is none."""
    for place, allowed in _slots(spec):
        for below, slot in slots_in(_at(content, place)):
            where = (*place, *below)
            if slot.name not in allowed:
                known = ", ".join(sorted(allowed))
                return where, f"unknown slot {{{slot.name}}}; allowed here: {known}"
            if slot.map and slot.map not in spec.maps:
                return where, f"there is no [maps.{slot.map}]"
    if "api" not in spec.urls:
        return ("urls",), "api is missing"
    if spec.upload is None and (
        spec.inputs.hand_over == "upload" or spec.inputs.data_uri_max_bytes
    ):
        return ("inputs",), "pictures must be uploaded, but there is no [upload]"
    return None


def _at(content: Any, place: Place) -> Any:
    for part in place:
        if isinstance(part, int):
            content = content[part] if isinstance(content, list) and part < len(content) else None
        else:
            content = content.get(part) if isinstance(content, Mapping) else None
    return content


def _slots(spec: Spec) -> list[tuple[Place, frozenset[str]]]:
    """Return the places of all templates with the slots allowed in each."""
    named = frozenset(spec.urls)
    found: list[tuple[Place, frozenset[str]]] = [
        (("submit", "url"), ORDER_SLOTS | named),
        (("submit", "query"), ORDER_SLOTS),
        (("submit", "headers"), ORDER_SLOTS),
        (("poll", "url"), TICKET_SLOTS | named),
        (("result", "url"), TICKET_SLOTS | named),
        (("cancel", "url"), TICKET_SLOTS | named),
        (("upload", "url"), UPLOAD_SLOTS | named),
        (("upload", "fields"), UPLOAD_SLOTS),
        (("upload", "body"), UPLOAD_SLOTS),
        (("look_up", "url"), named | {"job"}),
        (("search", "url"), SEARCH_SLOTS | named),
        (("search", "query"), SEARCH_SLOTS),
        (("hook", "key_url"), named),
        (("balance", "url"), named),
    ]
    for index in range(len(spec.models)):
        found += [
            (("models", index, "url"), ORDER_SLOTS | named),
            (("models", index, "body"), ORDER_SLOTS),
        ]
    return found


def model_for(spec: Spec, operation: Operation, wanted: str) -> DeclaredModel | None:
    able = [model for model in spec.models if operation in model.operations]
    if not wanted:
        return able[0] if able else None
    for model in able:
        if model.id == wanted:
            return model
    known = ", ".join(model.id for model in able) or "none"
    raise ConfigError(
        "IMGBOT_MODELS", f"{spec.name} has no model {wanted!r} for {operation}; it has: {known}"
    )


def offer_of(spec: Spec, model: DeclaredModel, price_micro: int | None) -> Capability:
    inputs = spec.inputs.limits(model.pictures, model.max_side_px)
    if price_micro is not None:
        return Capability(model.id, price_micro, inputs=inputs, scales=frozenset(model.scales))
    by_scale = {int(scale): micro(usd) for scale, usd in model.scale_prices_usd.items()}
    return Capability(model.id, micro(model.price_usd), by_scale, inputs, frozenset(model.scales))


def nearest_scale(wanted: int, known: tuple[int, ...]) -> int:
    return min(known, key=lambda scale: (abs(scale - wanted), -scale)) if known else wanted


def app_of(model: str) -> str:
    """Return owner and name of a model, without any subpath."""
    return "/".join(model.split("/")[:2])


def addresses(spec: Spec, override: str) -> dict[str, str]:
    """Return the base URLs; an override of `api` applies to the others as a prefix."""
    if not override:
        return dict(spec.urls)
    return {name: override if name == "api" else f"{override}/{name}" for name in spec.urls}
