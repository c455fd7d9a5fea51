"""What a model's endpoint takes, as data, and what is wrong with what it was given."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

Kind = Literal["text", "integer", "number", "boolean", "texts"]
What = Literal["missing", "unknown", "type", "value", "small", "big", "step", "long", "few", "many"]


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter; `least` and `most` bound a number, or how many or how long it is."""

    kind: Kind
    is_required: bool = False
    least: float | None = None
    most: float | None = None
    step: int = 1
    values: tuple[str, ...] = ()
    is_picture: bool = False


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong; each provider words it in its own way."""

    what: What
    name: str
    field: Field
    given: Any = None


_UNKNOWN = Field("text")


def flaws(fields: Mapping[str, Field], given: Mapping[str, Any]) -> Iterator[Flaw]:
    """All that is wrong, the unknown fields first; a null counts as not given."""
    for name, value in given.items():
        if name not in fields:
            yield Flaw("unknown", name, _UNKNOWN, value)
    for name, field in fields.items():
        value = given.get(name)
        if value is not None:
            yield from _value_flaws(name, field, value)
        elif field.is_required:
            yield Flaw("missing", name, field)


def _value_flaws(name: str, field: Field, value: Any) -> Iterator[Flaw]:
    if not _is_of(field.kind, value):
        yield Flaw("type", name, field, value)
        return
    if field.values and value not in field.values:
        yield Flaw("value", name, field, value)
    measured = len(value) if field.kind in {"text", "texts"} else value
    if field.most is not None and measured > field.most:
        yield Flaw(_too_much(field.kind), name, field, value)
    if field.least is not None and measured < field.least:
        yield Flaw("few" if field.kind in {"text", "texts"} else "small", name, field, value)
    if field.step > 1 and value % field.step:
        yield Flaw("step", name, field, value)


def _too_much(kind: Kind) -> What:
    return "long" if kind == "text" else "many" if kind == "texts" else "big"


def _is_of(kind: Kind, value: Any) -> bool:
    if kind == "boolean" or isinstance(value, bool):
        return kind == "boolean" and isinstance(value, bool)
    if kind == "text":
        return isinstance(value, str)
    if kind == "texts":
        return isinstance(value, list) and all(
            isinstance(item, str) for item in cast("list[Any]", value)
        )
    return isinstance(value, int) or (kind == "number" and isinstance(value, float))


def type_name(value: Any) -> str:
    """The name of a JSON value's type."""
    names: dict[type, str] = {
        bool: "a boolean",
        int: "an integer",
        float: "a decimal number",
        str: "a string",
        list: "an array",
        dict: "an object",
    }
    return names.get(type(value), "null")
