"""Chats, their messages, and the callback queries awaiting an answer."""

from dataclasses import dataclass, field
from typing import Any

from imgbot.sandbox.api_errors import ApiError

Json = dict[str, Any]


class SandboxError(Exception):
    """Impossible request by a sandbox user; the text gives the reason."""


@dataclass(slots=True)
class Post:
    """One message of a chat in its present state."""

    message: Json
    is_outgoing: bool
    force_reply: Json | None = None
    inline_id: str = ""
    edits: int = 0
    is_deleted: bool = False
    reactions: list[str] = field(default_factory=list[str])

    @property
    def id(self) -> int:
        return self.message["message_id"]

    def view(self) -> Json:
        """Return the message for the control interface."""
        view = self.message | {
            "edits": self.edits,
            "deleted": self.is_deleted,
            "outgoing": self.is_outgoing,
            "reactions": list(self.reactions),
        }
        return view | {"force_reply": self.force_reply} if self.force_reply else view


@dataclass(slots=True)
class Chat:
    """Private chat (its id is the user's), group, supergroup or channel.

    `refusal` is the error for a bot that can no longer reach the chat; `is_over` means that users
    cannot write there either.
    """

    id: int
    info: Json
    members: list[int]
    is_started: bool
    is_blocked: bool = False
    hears_all: bool = False
    refusal: ApiError | None = None
    is_over: bool = False
    posts: dict[int, Post] = field(default_factory=dict[int, Post])
    threads: set[int] = field(default_factory=set[int])
    last_message_id: int = 0

    @property
    def is_private(self) -> bool:
        return self.id > 0

    @property
    def is_channel(self) -> bool:
        return self.info["type"] == "channel"

    @property
    def is_basic_group(self) -> bool:
        return self.info["type"] == "group"

    def live(self, message_id: int) -> Post | None:
        post = self.posts.get(message_id)
        return None if post is None or post.is_deleted else post

    def album(self, media_group_id: str) -> list[Post]:
        """Return the remaining messages of an album."""
        posts = (p for p in self.posts.values() if p.message.get("media_group_id"))
        return [
            p for p in posts if p.message["media_group_id"] == media_group_id and not p.is_deleted
        ]

    def view(self) -> Json:
        """Return the chat for the control interface."""
        view = self.info | {"members": self.members, "hears_all": self.hears_all}
        if self.is_private:
            view["blocked"] = self.is_blocked
        if self.refusal:
            view |= {"closed": self.refusal.description, "over": self.is_over}
        return view


@dataclass(slots=True)
class Query:
    """Callback query of a pressed button."""

    user_id: int
    chat_id: int
    asked_at: float
    is_answered: bool = False
    answer: str = ""
    """Text that the bot shows over the chat, where no message has it."""
