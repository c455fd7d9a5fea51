"""What the sandbox's control interface tells, as tests read it."""

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """Someone in the sandbox; the private chat has the same id."""

    id: int
    first_name: str
    raw: Json


@dataclass(frozen=True, slots=True)
class Message:
    """A message as the control interface shows it."""

    raw: Json

    @property
    def id(self) -> int:
        return self.raw["message_id"]

    @property
    def chat_id(self) -> int:
        return self.raw["chat"]["id"]

    @property
    def text(self) -> str:
        """The text or the caption."""
        return self.raw.get("text") or self.raw.get("caption") or ""

    @property
    def is_outgoing(self) -> bool:
        """Whether the bot sent it."""
        return self.raw["outgoing"]

    @property
    def is_deleted(self) -> bool:
        return self.raw["deleted"]

    @property
    def edits(self) -> int:
        return self.raw["edits"]

    @property
    def reactions(self) -> list[str]:
        return self.raw["reactions"]

    @property
    def photo_id(self) -> str | None:
        """The handle of the largest size, if the message is a photo."""
        return self.raw["photo"][-1]["file_id"] if "photo" in self.raw else None

    @property
    def photo_unique_id(self) -> str | None:
        """What stays the same when the photo is sent again."""
        return self.raw["photo"][-1]["file_unique_id"] if "photo" in self.raw else None

    @property
    def document_id(self) -> str | None:
        return self.raw["document"]["file_id"] if "document" in self.raw else None

    @property
    def media_group_id(self) -> str | None:
        return self.raw.get("media_group_id")

    @property
    def has_spoiler(self) -> bool:
        return self.raw.get("has_media_spoiler", False)

    @property
    def reply_to(self) -> int | None:
        """The id of the message it replies to."""
        return self.raw.get("reply_to_message", {}).get("message_id")

    @property
    def quote(self) -> str:
        """The quoted part of the message it replies to."""
        return self.raw.get("quote", {}).get("text", "")

    @property
    def force_reply(self) -> Json | None:
        """`selective` and `placeholder`, if it opens the field for a reply."""
        return self.raw.get("force_reply")

    @property
    def buttons(self) -> list[Json]:
        """All inline buttons, row after row."""
        rows = self.raw.get("reply_markup", {}).get("inline_keyboard", [])
        return [button for row in rows for button in row]

    def button(self, text: str) -> Json:
        """The first button whose label contains `text`."""
        for button in self.buttons:
            if text in button["text"]:
                return button
        raise AssertionError(f"no button {text!r} among {[b['text'] for b in self.buttons]}")


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the stream."""

    seq: int
    type: str
    raw: Json

    @property
    def chat_id(self) -> int | None:
        return self.raw.get("chat_id")

    @property
    def message(self) -> Message:
        """The message of a `message` or `edit` event."""
        return Message(self.raw["message"])


@dataclass(frozen=True, slots=True)
class InlineAnswer:
    """What the bot offered for an inline query."""

    raw: Json

    @property
    def query_id(self) -> str:
        return self.raw["inline_query_id"]

    @property
    def results(self) -> list[Json]:
        """Each with `id`, `type` and what people see of it."""
        return self.raw["results"]
