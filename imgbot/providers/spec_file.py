"""TOML spec file of a provider: reading, validation with line numbers, fields of all adapters."""

import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from imgbot.config.settings import PRESETS, extend, key_names
from imgbot.domain.errors import ConfigError, ProviderError, ProviderErrorKind
from imgbot.domain.operations import OPERATIONS, Operation
from imgbot.domain.order_pace import OrderLimit
from imgbot.providers.protocol import (
    Capability,
    GenerationRequest,
    InputLimits,
    Provider,
    ProviderConfig,
    Retirement,
)
from imgbot.providers.url_policy import split

SETTING = "IMGBOT_PROVIDER"
KEY_SLOT = "{key}"
"""Placeholder for the key in a header; the key itself is never in a file."""

_LIMIT_BYTES = 256 << 10
_NAME = r"""(?:[\w-]+|"[^"]*"|'[^']*')"""
_HEADER = re.compile(rf"\s*(\[{{1,2}})\s*({_NAME}(?:\s*\.\s*{_NAME})*)\s*\]")
_KEY = re.compile(rf"\s*({_NAME}(?:\s*\.\s*{_NAME})*)\s*=")
_LINE = re.compile(r" \(at line (\d+), column \d+\)")
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,80}")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]{0,500}")
_OURS = frozenset({"accept-encoding", "content-length", "content-type", "host", "origin"})

M = TypeVar("M", bound=BaseModel)
Place = tuple[str | int, ...]


class LocatedTable(BaseModel):
    """Table of a spec file: unknown keys are refused, and it is immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, strict=True)


@dataclass(frozen=True, slots=True)
class SpecDocument:
    """Text of a spec file and its parsed content."""

    name: str
    text: str
    content: dict[str, Any]

    @property
    def adapter(self) -> str:
        """Adapter that reads the file; empty for declarative providers."""
        return str(self.content.get("adapter", ""))

    def error(self, place: Place, sentence: str) -> ConfigError:
        """Return an error about one place, with the line of the nearest key at or above it."""
        keys = ((len(key), -line) for line, key in _keys(self.text) if key == place[: len(key)])
        line = -max(keys, default=(0, -1))[1]
        where = ".".join(map(str, place)) or "the file"
        return ConfigError(SETTING, f"{self.name}, line {line}: {where}: {sentence}")


def read_file(path: Path) -> SpecDocument:
    """Read an operator's own file, on top of the one that it extends. Raises ConfigError."""
    document = parse_file(str(path), _text_of(path))
    own = dict(document.content)
    if (name := own.pop("extends", None)) is None:
        return document
    base = _base_of(document, str(name), path.parent)
    if own.keys() & {"url", "urls"}:
        # Another server is another company's.
        base = {key: part for key, part in base.items() if key not in {"vendor", "country"}}
    return replace(document, content=extend(base, own))


def _base_of(document: SpecDocument, name: str, folder: Path) -> dict[str, Any]:
    presets = sorted(key_names().keys() - {"builtin"})
    if name.endswith(".toml"):
        base = parse_file(str(folder / name), _text_of(folder / name)).content
        if "extends" not in base:
            return base
    elif name in presets:
        return read_preset(name).content
    hint = f"write {', '.join(presets)}, or the path of a .toml file that extends nothing"
    raise document.error(("extends",), f"{name!r} cannot be extended; {hint}")


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LIMIT_BYTES + 1)
        text = content.decode("utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(SETTING, f"{path} cannot be read: {why}") from error
    if len(content) > _LIMIT_BYTES:
        raise ConfigError(SETTING, f"{path} is too large (limit 256 KiB)")
    return text


def read_preset(name: str) -> SpecDocument:
    """Read a preset of the package."""
    return parse_file(f"{name}.toml", (PRESETS / f"{name}.toml").read_text(encoding="utf-8"))


def parse_file(name: str, text: str) -> SpecDocument:
    try:
        return SpecDocument(name, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        found = _LINE.search(str(error))
        where = f", line {found[1]}" if found else ""
        reason = _LINE.sub("", str(error))
        raise ConfigError(SETTING, f"{name}{where}: not TOML: {reason}") from None


def validate(document: SpecDocument, model: type[M]) -> M:
    """Return the file as `model`. Raises ConfigError with the line of the first mistake."""
    try:
        # TOML has arrays and strings where the model has tuples and enumerations.
        return model.model_validate(document.content, strict=False)
    except ValidationError as refusal:
        first = refusal.errors(include_input=False, include_url=False)[0]
        sentence = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            sentence = "unknown key"
        raise document.error(first["loc"], sentence) from None


def _keys(text: str) -> Iterator[tuple[int, Place]]:
    """Yield every header and key with its line; for messages only, tomllib does the parsing."""
    table: Place = ()
    counts = Counter[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            first, *rest = _names(header[2])
            counts[first] += header[1] == "[["
            table = (first, *([counts[first] - 1] if counts[first] else []), *rest)
            yield number, table
        elif key := _KEY.match(line):
            yield number, (*table, *_names(key[1]))


def _names(text: str) -> list[str]:
    return [name.strip("\"'") for name in re.findall(_NAME, text)]


# Fields


def _address(value: str) -> str:
    if split(value) is None:
        raise ValueError(f"{value!r} is not a URL; write it like https://api.example.com/v1")
    return value.rstrip("/")


def _environment_name(value: str) -> str:
    if value and (not re.fullmatch(r"[A-Z][A-Z0-9_]{2,60}", value) or value.startswith("IMGBOT_")):
        raise ValueError("write the name of a dedicated variable, like EXAMPLE_API_KEY")
    return value


def _headers(value: Mapping[str, str]) -> Mapping[str, str]:
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
PriceUsd = Annotated[float, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=0, le=10_000)]


class ModelNotes(LocatedTable):
    """Id of a model, its operations, and its title and strength, for users who choose one."""

    id: str
    operations: tuple[OfferedOperation, ...]
    title: Annotated[str, Field(max_length=40)] = ""
    good_at: Mapping[Literal["en", "ru"], Annotated[str, Field(max_length=80)]] = Field(
        default_factory=dict[Literal["en", "ru"], str]
    )
    best: bool = False
    """True for the model that "in the best quality" means."""
    replaces: tuple[str, ...] = ()
    """Ids of withdrawn models whose place it takes, at no higher price."""
    retires: date | None = None
    """Day on which its service switches it off."""
    successor: str = ""
    """Id of the model that then takes its place."""

    def notes(self, model: str) -> dict[str, Any]:
        """Return them as fields of a Capability; the title is a part of the id without one."""
        title = self.title or model.rpartition("/")[2]
        return {
            "title": title,
            "good_at": self.good_at,
            "is_best": self.best,
            "replaces": self.replaces,
        }


N = TypeVar("N", bound=ModelNotes)


class Limits(LocatedTable):
    """The provider's own limits: concurrent tasks, and orders per window; 0 is no limit."""

    jobs: Count = 0
    orders: Count = 0
    window_s: Annotated[float, Field(gt=0)] = 60.0

    @property
    def order_limit(self) -> OrderLimit:
        return OrderLimit(self.orders, self.window_s)


class InputRules(LocatedTable):
    """Requirements on input pictures; 0 is no limit."""

    max_side_px: Annotated[int, Field(ge=0)] = 2048
    max_bytes: Annotated[int, Field(ge=0)] = 20_000_000
    formats: tuple[Literal["jpeg", "png"], ...] = ("jpeg", "png")
    mask: Literal["white", "alpha"] = "white"
    """Mark of the area of a masked edit: white, or transparency."""

    def limits(self, max_count: int, max_side_px: int = 0) -> InputLimits:
        """Return the limits of an operation; a side of its own overrides that of all."""
        return InputLimits(
            max_count,
            max_side_px or self.max_side_px,
            self.max_bytes,
            frozenset(self.formats),
            self.mask,
        )


class Terms(LocatedTable):
    """Operator's choice among the models of a file; what is left out is the file's own."""

    usual: Mapping[OfferedOperation, str] = Field(default_factory=dict[Operation, str])
    """Model by operation, where it is not the first one that serves it."""
    prices_usd: Mapping[OfferedOperation, PriceUsd] = Field(default_factory=dict[Operation, float])
    """Price of a picture by operation, with the usual model."""
    offered: tuple[str, ...] = ()
    """Models that users may choose beside the usual one."""
    price_limit_usd: PriceUsd | None = None
    """Highest price of a picture for which users may choose a model."""

    def admits(self, offer: Capability, usual: Capability) -> bool:
        """Return true if users may choose a model: one of the list, or as cheap as the usual."""
        if self.offered and not {offer.model, *offer.replaces} & {*self.offered}:
            return False
        if self.price_limit_usd is not None:
            return offer.price_at(0) <= micro(self.price_limit_usd)
        return bool(self.offered) or offer.price_at(0) <= usual.price_at(0)


class ModelSpec(Terms, Generic[N]):
    """Parts of the spec file of a service that has models."""

    name: ProviderName
    vendor: Annotated[str, Field(max_length=60)] = ""
    """Name of the company that runs it, and in `country` the code of its country."""
    country: Annotated[str, Field(pattern=r"^([A-Z]{2})?$")] = ""
    key: KeyName = ""
    limits: Limits = Limits()
    prompts: Mapping[Operation, str] = Field(default_factory=dict[Operation, str])
    """Default prompt where the user gave none; prefix of the user's prompt for retouch."""
    models: Annotated[tuple[N, ...], Field(min_length=1)]
    """The first model that serves an operation is its default."""

    def usual_for(self, operation: Operation) -> N | None:
        """Return the usual model of an operation; None if it is not served."""
        wanted = self.usual.get(operation, "")
        able = (model for model in self.models if operation in model.operations)
        return next((model for model in able if wanted in {"", model.id, *model.replaces}), None)

    def models_for(self, operation: Operation) -> dict[str, N]:
        """Return the models that serve an operation, by id; the first of several with one id."""
        return {each.id: each for each in reversed(self.models) if operation in each.operations}

    def model_for(self, order: GenerationRequest) -> N:
        """Return the chosen model of an order, else the usual one. Raises ProviderError."""
        chosen = self.models_for(order.operation).get(order.model) if order.model else None
        if (model := chosen or self.usual_for(order.operation)) is None:
            detail = f"{self.name} has no model for {order.operation}"
            raise ProviderError(ProviderErrorKind.INVALID, detail, is_billed=False)
        return model

    def offer(self, operation: Operation, model: N, own_usd: float | None) -> Capability:
        """Return the terms of a model; `own_usd` is the operator's own price."""
        raise NotImplementedError

    def introduce(self, provider: Provider, config: ProviderConfig) -> None:
        """Set the provider's name, limits and models."""
        provider.name = self.name
        if not config.url:
            provider.vendor, provider.country = self.vendor, self.country
        provider.max_concurrent = self.limits.jobs
        provider.order_limit = self.limits.order_limit
        provider.admits = self.admits
        self.offer_to(provider)

    def offer_to(self, provider: Provider) -> None:
        """Set the provider's models and their terms."""
        provider.offers = {
            operation: self.offer(operation, model, self.prices_usd.get(operation))
            for operation in Operation
            if (model := self.usual_for(operation)) is not None
        }
        provider.models = {
            operation: {
                name: self.offer(operation, model, None)
                for name, model in self.models_for(operation).items()
            }
            | {usual.model: usual}
            for operation, usual in provider.offers.items()
        }

    def successor_of(self, model: N) -> N | None:
        """Return the model of the file that takes the place of one, for all of its operations."""
        able = (each for each in self.models if {*model.operations} <= {*each.operations})
        return next((each for each in able if each.id == model.successor), None)

    def renewed(
        self, today: date, announced: Mapping[str, date], agreed: Collection[str]
    ) -> tuple[Self, tuple[Retirement, ...]]:
        """Return it with successors in the place of models that have ended, and all those ends.

        One that is dearer takes the place only if that is agreed.
        """
        spec, ends = self, list[Retirement]()
        for model in self.models:
            if (day := announced.get(model.id, model.retires)) is None:
                continue
            new, operation = spec.successor_of(model), model.operations[0]
            follower = self.offer(operation, new, None) if new else None
            old = self.offer(operation, model, None)
            end = Retirement(day, model.operations, old, follower)
            if new and (model.id in agreed or (day <= today and not end.is_dearer)):
                end, spec = replace(end, is_over=True), spec.with_heir(new, model)
            ends.append(end)
        return spec, tuple(ends)

    def with_heir(self, new: N, old: N) -> Self:
        """Return it with one model in the place of another, at the price of the file."""

        def heir_of(each: N) -> N:
            is_old = each.id == old.id and {*each.operations} <= {*old.operations}
            if not is_old and each is not new:
                return each
            replaces = (*new.replaces, old.id, *(each.replaces if is_old else old.replaces))
            return new.model_copy(update={"operations": each.operations, "replaces": replaces})

        models = tuple(map(heir_of, self.models))
        was_usual = {
            each
            for each in old.operations
            if (model := self.usual_for(each)) and model.id == old.id
        }
        own = {name: usd for name, usd in self.prices_usd.items() if name not in was_usual}
        return self.model_copy(update={"models": models, "prices_usd": own})

    def check_offered(self, document: SpecDocument) -> None:
        """Raise ConfigError for a model that is offered, or follows, and is not in the file."""
        for number, model in enumerate(self.models):
            if model.successor and self.successor_of(model) is None:
                sentence = f"there is no model {model.successor!r} for the same operations"
                raise document.error(("models", number, "successor"), sentence)
        for name in self.offered:
            if not any(name in {each.id, *each.replaces} for each in self.models):
                known = ", ".join(sorted({each.id for each in self.models}))
                sentence = f"there is no model {name!r}; it has: {known}"
                raise document.error(("offered",), sentence)


class ServerSpec(Terms):
    """Parts of the spec file of a server at an address of the operator's."""

    url: Url
    key: KeyName = ""
    headers: Annotated[Mapping[str, str], AfterValidator(_headers)] = Field(
        default_factory=dict[str, str]
    )
    limits: Limits = Limits()
    inputs: InputRules = InputRules()


def micro(price_usd: float) -> int:
    """Convert US dollars to micro-dollars."""
    return round(price_usd * 1_000_000)


def price_or_guess(own_usd: float | None, price_usd: float | None, key: str) -> int:
    """Return the price in micro-dollars; without one, a guess for a service that wants a key.

    Who asks for a key charges: only a price of 0 that is written makes it free.
    """
    # Above what most models cost, so that a budget is kept to.
    guess = 0.10 if key else 0.0
    return micro(next(usd for usd in (own_usd, price_usd, guess) if usd is not None))


def with_key(headers: Mapping[str, str], key: str) -> dict[str, str]:
    """Put the key into the headers of a spec file."""
    return {name: text.replace(KEY_SLOT, key) for name, text in headers.items()}
