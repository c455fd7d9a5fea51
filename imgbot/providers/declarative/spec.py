"""Schema of a provider's spec file, its consistency checks, and the choice of a model.

This is the whole vocabulary, and it stays this small. See `presets/replicate.toml` for an annotated
example.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from imgbot.domain.errors import ProviderErrorKind
from imgbot.domain.operations import Operation
from imgbot.providers import spec_file
from imgbot.providers.declarative.templates import is_path, names_in, slots_in
from imgbot.providers.protocol import Capability
from imgbot.providers.spec_file import (
    KeyName,
    LocatedTable,
    ModelNotes,
    Place,
    PriceUsd,
    SpecDocument,
    Url,
    micro,
    price_or_guess,
    validate,
)

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
RegularExpression = Annotated[str, AfterValidator(_pattern)]
Paths = tuple[PathText, ...]
Texts = Annotated[Mapping[str, str], Field(default_factory=dict[str, str])]


class Auth(LocatedTable):
    """Header that carries the key, and the hosts that may receive it."""

    header: str
    value: str = "Bearer {key}"
    hosts: tuple[str, ...] = ()


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
    """Submit request by POST, and the ticket in the response."""

    url: str
    query: Texts
    body: Mapping[str, Any] = Field(default_factory=dict[str, Any])
    """Fields of the request that all models have, beside those of their own."""
    idempotency_header: str = ""
    """Header for our job id, where the provider charges the same id only once."""


class LookUp(TicketPaths):
    """List of the tasks with our job id, and the ticket in an item of it."""

    url: str
    items: PathText


class Poll(LocatedTable):
    """Poll request; an unlisted state counts as pending."""

    url: tuple[str, ...]
    state: Paths
    states: Mapping[str, Literal["pending", "done", "failed"]]
    progress: Paths = ()
    position: Paths = ()

    @field_validator("states")
    @classmethod
    def _end(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        if "done" not in value.values():
            raise ValueError("none of the states is 'done'")
        return value


class Fetch(LocatedTable):
    """Separate request for the result, where it has a URL of its own."""

    url: tuple[str, ...]


class Outputs(LocatedTable):
    """Possible place of the finished pictures' URLs; `json_path` continues in a JSON string."""

    path: PathText
    json_path: PathText | None = None


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
    text: RegularExpression = ""
    kind: ProviderErrorKind
    billed: bool | None = None
    retry_after: Paths = ()
    retry_after_text: RegularExpression = ""

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

    `multipart` posts a form; `presigned` requests a URL and puts the bytes there, `token` requests
    a token and posts the bytes with it.
    """

    kind: Literal["multipart", "presigned", "token"]
    url: str
    file: str = "file"
    fields: Texts
    body: Mapping[str, Any] = Field(default_factory=dict[str, Any])
    put: Paths = ()
    base: Paths = ()
    token: Paths = ()
    token_type: Paths = ()
    path: str = ""
    result: Paths


class InputDelivery(spec_file.InputRules):
    """Requirements on input pictures, and the way they are sent."""

    hand_over: Literal["data_uri", "base64", "upload"] = "data_uri"
    data_uri_max_bytes: Annotated[int, Field(ge=0)] = 0
    """Larger ones are uploaded; 0 is no limit."""


class Search(TicketPaths):
    """List of the latest tasks, with the fields each was submitted with."""

    url: str
    query: Texts
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


def app_of(model: str) -> str:
    """Return owner and name of a model by its id, without any subpath."""
    return "/".join(model.split("/")[:2])


class DeclaredModel(ModelNotes):
    """One model, its operations, and the body of its submit request."""

    url: str = ""
    price_usd: PriceUsd | None = None
    scale_prices_usd: Mapping[Annotated[str, Field(pattern=r"^[2-8]$")], PriceUsd] = Field(
        default_factory=dict[str, PriceUsd]
    )
    """Price by scale, where it depends on it: `{ 2 = 0.05, 4 = 0.10 }`."""
    pictures: Annotated[int, Field(ge=0, le=20)] = 0
    """Maximum number of pictures."""
    ratios: tuple[Annotated[str, Field(pattern=r"^[1-9]\d?:[1-9]\d?$")], ...] = ()
    scales: tuple[int, ...] = ()
    max_side_px: Annotated[int, Field(ge=0)] = 0
    body: Mapping[str, Any]

    @model_validator(mode="after")
    def _has_every_price(self) -> "DeclaredModel":
        if self.scale_prices_usd and {*self.scale_prices_usd} != {*map(str, self.scales)}:
            raise ValueError("scale_prices_usd must have a price for each of the scales")
        if (Operation.INPAINT in self.operations) != ("mask" in names_in(self.body)):
            raise ValueError("{mask} must be in the body of inpaint, and of nothing else")
        return self

    def nearest_scale(self, wanted: int) -> int:
        return min(self.scales, key=lambda scale: (abs(scale - wanted), -scale), default=wanted)


class Spec(spec_file.ModelSpec[DeclaredModel]):
    """Complete spec file of one provider."""

    urls: Mapping[str, Url]
    auth: Auth | None = None
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
    maps: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict[str, Mapping[str, Any]])

    def offer(
        self,
        operation: Operation,  # noqa: ARG002 -- the same for each
        model: DeclaredModel,
        own_usd: float | None,
    ) -> Capability:
        by_scale = {int(scale): micro(usd) for scale, usd in model.scale_prices_usd.items()}
        return Capability(
            model=model.id,
            price_micro=price_or_guess(own_usd, model.price_usd, self.key),
            scale_prices_micro=by_scale if own_usd is None else {},
            inputs=self.inputs.limits(model.pictures, model.max_side_px),
            scales=frozenset(model.scales),
            takes_seed="seed" in names_in(model.body),
            **model.notes(model.id),
        )

    def addresses(self, override: str) -> dict[str, str]:
        """Return the base URLs; an override of `api` applies to the others as a prefix."""
        if not override:
            return dict(self.urls)
        return {name: override if name == "api" else f"{override}/{name}" for name in self.urls}


_ORDER = {
    *("prompt", "negative", "image", "images", "mask", "ratio", "scale", "seed"),
    *("hook", "model", "app", "job"),
}
_TICKET = {"id", "poll", "result", "cancel", "model", "app"}
_SEARCH = {"model", "app", "since"}
_UPLOAD = {"file_name", "mime", "size_bytes"}
_SLOTS: Mapping[tuple[str, str], set[str]] = {
    ("submit", "url"): _ORDER,
    ("submit", "query"): _ORDER,
    ("submit", "body"): _ORDER,
    ("poll", "url"): _TICKET,
    ("result", "url"): _TICKET,
    ("cancel", "url"): _TICKET,
    ("upload", "url"): _UPLOAD,
    ("upload", "fields"): _UPLOAD,
    ("upload", "body"): _UPLOAD,
    ("look_up", "url"): {"job"},
    ("search", "url"): _SEARCH,
    ("search", "query"): _SEARCH,
    ("hook", "key_url"): set(),
    ("balance", "url"): set(),
    ("models", "url"): _ORDER,
    ("models", "body"): _ORDER,
}
"""Slots allowed in each template, besides the base URLs."""


def read_spec(document: SpecDocument) -> Spec:
    """Return the parsed spec. Raises ConfigError with the line of the first mistake."""
    spec = validate(document, Spec)
    for (table, key), allowed in _SLOTS.items():
        part = document.content.get(table, {})
        tables = enumerate(part) if isinstance(part, list) else [(None, part)]
        for index, each in tables:
            place = (table, key) if index is None else (table, index, key)
            _check_slots(document, spec, place, each.get(key), allowed | {*spec.urls})
    spec.check_offered(document)
    for operation, wanted in spec.usual.items():
        if spec.usual_for(operation) is None:
            known = ", ".join(spec.models_for(operation)) or "none"
            sentence = f"there is no model {wanted!r} for it; it has: {known}"
            raise document.error(("usual", operation), sentence)
    if "api" not in spec.urls:
        raise document.error(("urls",), "api is missing")
    if not spec.upload and (spec.inputs.hand_over == "upload" or spec.inputs.data_uri_max_bytes):
        raise document.error(("inputs",), "pictures must be uploaded, but there is no [upload]")
    return spec


def _check_slots(
    document: SpecDocument, spec: Spec, place: Place, template: object, allowed: set[str]
) -> None:
    for below, slot in slots_in(template):
        if slot["name"] not in allowed:
            known = ", ".join(sorted(allowed))
            sentence = f"unknown slot {{{slot['name']}}}; allowed here: {known}"
            raise document.error((*place, *below), sentence)
        if slot["map"] and slot["map"] not in spec.maps:
            raise document.error((*place, *below), f"there is no [maps.{slot['map']}]")
