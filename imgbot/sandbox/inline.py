"""Inline mode: users' queries after @bot in any chat, and the bot's results."""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from imgbot.sandbox.chats import Chat, Json, Post, SandboxError

INLINE_LIFETIME_S = 30
_MAX_QUERIES = 2_000
_MAX_MESSAGES = 20_000


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
    """Latest inline queries, and the messages sent from them."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._queries: OrderedDict[str, InlineQuery] = OrderedDict()
        self._messages: OrderedDict[str, tuple[Chat, Post]] = OrderedDict()
        self.has_feedback = False

    def ask(self, user: Json, text: str) -> InlineQuery:
        query = InlineQuery(str(10**17 + secrets.randbelow(9 * 10**17)), user, text, self._now())
        self._queries[query.id] = query
        if len(self._queries) > _MAX_QUERIES:
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

    def keep_message(self, chat: Chat, post: Post) -> None:
        """Give a sent result the id by which the bot may edit it."""
        post.inline_id = "BAAAA" + secrets.token_urlsafe(18)
        self._messages[post.inline_id] = (chat, post)
        if len(self._messages) > _MAX_MESSAGES:
            self._messages.popitem(last=False)

    def message(self, inline_id: str) -> tuple[Chat, Post] | None:
        found = self._messages.get(inline_id)
        return None if found is None or found[1].is_deleted else found
