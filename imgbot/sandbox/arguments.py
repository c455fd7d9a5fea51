"""Parameters of one call, parsed as Telegram does: every value is text first."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from imgbot.sandbox.api_errors import bad_request

_TRUE = frozenset({"true", "yes", "1"})

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """File uploaded with a call; deleted when the call ends."""

    path: Path
    name: str
    size_bytes: int


def _is_there() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Arguments:
    """Arguments of one method call."""

    method: str
    values: Mapping[str, str]
    uploads: Mapping[str, UploadedFile] = field(default_factory=dict[str, UploadedFile])
    is_caller_gone: Callable[[], bool] = _is_there

    def has(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str) -> str:
        return self.values.get(name, "")

    def integer(self, name: str, default: int = 0) -> int:
        """Return a number; anything else counts as zero, as at Telegram."""
        value = self.values.get(name)
        if value is None:
            return default
        try:
            return int(value)
        except ValueError:
            return 0

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in _TRUE

    def json(self, name: str, refusal: str) -> Any:
        """Return a JSON value, None if absent; `refusal` is the error for malformed JSON."""
        value = self.text(name)
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise bad_request(f"can't parse {refusal} JSON object") from None

    def json_object(self, name: str, refusal: str) -> Json | None:
        value = self.json(name, refusal)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise bad_request(f"can't parse {refusal}: expected an Object")
        return cast("Json", value)

    def json_objects(self, name: str, kind: str) -> list[Json] | None:
        """Return a list of objects; anything else is refused with the name of its `kind`."""
        value = self.json(name, kind)
        if value is None:
            return None
        if not isinstance(value, list):
            raise bad_request(f"expected an Array of {kind}")
        for item in cast("list[Any]", value):
            if not isinstance(item, dict):
                raise bad_request(f"can't parse {kind}: expected an Object")
        return cast("list[Json]", value)


def as_text(value: Any) -> str:
    """Return a JSON value as the text that a form would carry."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False)
