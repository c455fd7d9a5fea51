"""Chats, their messages, and the queries awaiting an answer: callback and inline."""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from imgbot.sandbox.api_errors import ApiError

INLINE_LIFETIME_S = 30
_MAX_INLINE_QUERIES = 2_000

Json = dict[str, Any]


class SandboxError(Exception):
    """Impossible request by a sandbox user; the text gives the reason."""


@dataclass(slots=True)
class Post:
    """One message of a chat in its present state."""

    message: Json
    is_outgoing: bool
    force_reply: Json | None = None
    edits: int = 0
    is_deleted: bool = False

    @property
    def id(self) -> int:
        return self.message["message_id"]

    def view(self) -> Json:
        """Return the message for the control interface."""
        view = self.message | {
            "edits": self.edits,
            "deleted": self.is_deleted,
            "outgoing": self.is_outgoing,
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


@dataclass(frozen=True, slots=True)
class InlineResult:
    """One result: its preview, and the message that it becomes."""

    view: Json
    content: Json


@dataclass(slots=True)
class InlineQuery:
    """One inline query, with the bot's answer once given."""

    id: str
    user: Json
    text: str
    asked_at: float
    offers: dict[str, InlineResult] = field(default_factory=dict[str, InlineResult])
    answer: Json | None = None
    is_answered: asyncio.Event = field(default_factory=asyncio.Event)

    def give(self, answer: Json, offers: dict[str, InlineResult]) -> None:
        self.answer, self.offers = answer, offers
        self.is_answered.set()

    async def wait(self, timeout_s: float) -> Json:
        """Wait for the answer; without one, return an error that says so."""
        try:
            async with asyncio.timeout(timeout_s):
                await self.is_answered.wait()
        except TimeoutError:
            raise SandboxError("the bot did not answer the inline query") from None
        results = [offer.view for offer in self.offers.values()]
        return {"inline_query_id": self.id, "results": results} | (self.answer or {})


class InlineQueries:
    """Latest inline queries."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._queries: OrderedDict[str, InlineQuery] = OrderedDict()

    def ask(self, user: Json, text: str) -> InlineQuery:
        query = InlineQuery(str(10**17 + secrets.randbelow(9 * 10**17)), user, text, self._now())
        self._queries[query.id] = query
        if len(self._queries) > _MAX_INLINE_QUERIES:
            self._queries.popitem(last=False)
        return query

    def find(self, query_id: str) -> InlineQuery | None:
        return self._queries.get(query_id)

    def open(self, query_id: str) -> InlineQuery | None:
        """Return the query if it may still be answered."""
        query = self._queries.get(query_id)
        is_open = query and not query.is_answered.is_set()
        is_fresh = query and self._now() - query.asked_at <= INLINE_LIFETIME_S
        return query if is_open and is_fresh else None
