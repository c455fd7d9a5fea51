"""Fields of one control request, each validated when read."""

from dataclasses import dataclass
from typing import Any, cast

from imgbot.sandbox.chats import SandboxError


@dataclass(frozen=True, slots=True)
class ControlRequest:
    """Body of a control request."""

    fields: dict[str, Any]

    def text(self, name: str, default: str | None = None) -> str:
        return self._typed(name, str, default)

    def number(self, name: str, default: int | None = None) -> int:
        return self._typed(name, int, default)

    def flag(self, name: str, *, default: bool = False) -> bool:
        return self._typed(name, bool, default)

    def numbers(self, name: str) -> list[int]:
        values = self._typed(name, list, None)
        if not all(isinstance(value, int) for value in values):
            raise SandboxError(f"{name} must be numbers")
        return cast("list[int]", values)

    def message(self) -> dict[str, Any]:
        """Return the optional fields of a message to send; absent and null ones are omitted."""
        kinds: dict[str, type] = {
            "text": str,
            "caption": str,
            "photos": list,
            "documents": list,
            "reply_to_message_id": int,
            "quote": str,
            "thread_id": int,
            "spoiler": bool,
            "anonymous": bool,
            "media_group_id": str,
            "gap_ms": int,
            "extra": dict,
        }
        unknown = self.fields.keys() - kinds.keys() - {"user_id"}
        if unknown:
            raise SandboxError(f"unknown fields: {', '.join(sorted(unknown))}")
        return {
            name: self._typed(name, kind, None)
            for name, kind in kinds.items()
            if self.fields.get(name) is not None
        }

    def _typed(self, name: str, kind: type, default: Any) -> Any:
        value = self.fields.get(name)
        if value is None and default is not None:
            return default
        if value is None:
            raise SandboxError(f"{name} is missing")
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise SandboxError(f"{name} must be of type {kind.__name__}")
        return value
