"""Inputs of models as data: which fields there are, and what is wrong with a given input."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

Kind = Literal["text", "integer", "number", "flag", "picture", "pictures", "size"]
Role = Literal["", "words", "pictures", "ratio", "scale", "seed", "count", "format"]
Fault = Literal[
    "missing",
    "unknown",
    "type",
    "choice",
    "least",
    "most",
    "step",
    "short",
    "long",
    "many",
    "format",
]

TYPE_NAMES: Mapping[Kind, str] = {
    "text": "string",
    "integer": "integer",
    "number": "number",
    "flag": "boolean",
    "picture": "string",
    "pictures": "array",
    "size": "object",
}

_TYPES: Mapping[Kind, tuple[type, ...]] = {
    "text": (str,),
    "integer": (int,),
    "number": (int, float),
    "flag": (bool,),
    "picture": (str,),
    "pictures": (list,),
    "size": (str, dict),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One input; `least` and `most` bound a number, a text's length or a list's."""

    kind: Kind
    role: Role = ""
    default: Any = None
    is_required: bool = False
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    step: int = 1
    """What a number must be a multiple of."""


_UNKNOWN = Field("text")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field; `index` names the item of a list."""

    name: str
    fault: Fault
    field: Field = _UNKNOWN
    given: Any = None
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """What can be ordered. Without an operation, the number of pictures decides which it is."""

    name: str
    fields: Mapping[str, Field]
    price_usd: float
    operation: str = ""
    scale: float = 1.0
    """How much it enlarges where no field says so."""
    version: str = ""
    is_list: bool = False
    has_black_pictures: bool = False
    """Whether what is refused comes back black, rather than as an error."""
    prices_usd: Mapping[str, float] | None = None
    """By the value of the field that the price depends on."""
    priced_by: str = ""

    def names(self, role: Role) -> list[str]:
        return [name for name, field in self.fields.items() if field.role == role]

    def value(self, given: Mapping[str, Any], role: Role) -> Any:
        """What was given for that role, else its default, else None."""
        for name in self.names(role):
            value = given.get(name)
            return self.fields[name].default if value is None else value
        return None

    def price(self, given: Mapping[str, Any]) -> float:
        """The price of all the pictures that were ordered."""
        each_usd = self.price_usd
        if self.prices_usd:
            value = given.get(self.priced_by) or self.fields[self.priced_by].default
            each_usd = self.prices_usd.get(str(value), each_usd)
        return round(each_usd * (self.value(given, "count") or 1), 6)


def words(most: int | None = None, *, least: int | None = None) -> Field:
    return Field("text", "words", is_required=True, least=least, most=most)


def text() -> Field:
    return Field("text")


def choice(*values: str, role: Role = "", default: str | None = None) -> Field:
    return Field("text", role, default, choices=values)


def ratio(*values: str, default: str) -> Field:
    return choice(*values, role="ratio", default=default)


def file_format(*values: str, default: str) -> Field:
    return choice(*values, role="format", default=default)


def flag(*, default: bool = False) -> Field:
    return Field("flag", default=default)


def integer(
    least: float | None = None,
    most: float | None = None,
    *,
    role: Role = "",
    default: int | None = None,
) -> Field:
    return Field("integer", role, default, least=least, most=most)


def number(least: float, most: float, *, role: Role = "", default: float | None = None) -> Field:
    return Field("number", role, default, least=least, most=most)


def seed() -> Field:
    return Field("integer", "seed")


def picture() -> Field:
    return Field("picture", "pictures", is_required=True)


def pictures(most: int, *, least: int = 0) -> Field:
    return Field("pictures", "pictures", is_required=least > 0, least=least, most=most)


def problems(
    fields: Mapping[str, Field], given: Mapping[str, Any], *, lenient: bool = False
) -> list[Problem]:
    """All that is wrong; a lenient provider overlooks fields that it does not know."""
    unknown = [] if lenient else [name for name in given if name not in fields]
    found = [Problem(name, "unknown", given=given[name]) for name in unknown]
    for name, field in fields.items():
        value = given.get(name)
        if value is None:
            if field.is_required:
                found.append(Problem(name, "missing", field, dict(given)))
        else:
            found.extend(_wrong(name, field, value))
    return found


def _wrong(name: str, field: Field, value: Any) -> Iterator[Problem]:
    if not _has_type(field, value):
        yield Problem(name, "type", field, value)
    elif field.kind == "pictures":
        yield from _wrong_list(name, field, cast("list[Any]", value))
    elif field.kind == "size":
        yield from _wrong_size(name, field, value)
    elif isinstance(value, str):
        yield from _wrong_text(name, field, value)
    else:
        yield from _wrong_number(name, field, value)


def _wrong_list(name: str, field: Field, items: list[Any]) -> Iterator[Problem]:
    if field.least is not None and len(items) < field.least:
        yield Problem(name, "short", field, items)
    if field.most is not None and len(items) > field.most:
        yield Problem(name, "many", field, items)
    for index, item in enumerate(items):
        if not isinstance(item, str):
            yield Problem(name, "type", Field("picture"), item, index)


def _wrong_text(name: str, field: Field, value: str) -> Iterator[Problem]:
    if field.choices and value not in field.choices:
        yield Problem(name, "choice", field, value)
    elif field.least is not None and len(value) < field.least:
        yield Problem(name, "short", field, value)
    elif field.most is not None and len(value) > field.most:
        yield Problem(name, "long", field, value)


def _wrong_number(name: str, field: Field, value: float) -> Iterator[Problem]:
    if field.least is not None and value < field.least:
        yield Problem(name, "least", field, value)
    elif field.most is not None and value > field.most:
        yield Problem(name, "most", field, value)
    if field.step > 1 and value % field.step:
        yield Problem(name, "step", field, value)


def _wrong_size(name: str, field: Field, value: Any) -> Iterator[Problem]:
    """A name of the choices, or an object of two sides."""
    if isinstance(value, str):
        if value not in field.choices:
            yield Problem(name, "choice", field, value)
        return
    sides = cast("dict[str, Any]", value)
    side = Field("integer", least=field.least, most=field.most)
    for part in ("width", "height"):
        yield from _wrong_side(f"{name}.{part}", side, sides.get(part))


def _wrong_side(name: str, side: Field, value: Any) -> Iterator[Problem]:
    if not _has_type(side, value):
        yield Problem(name, "type", side, value)
    else:
        yield from _wrong_number(name, side, value)


def _has_type(field: Field, value: Any) -> bool:
    is_flag = isinstance(value, bool)
    return isinstance(value, _TYPES[field.kind]) and is_flag == (field.kind == "flag")


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
