"""State of the sandbox: users, chats, messages, queries, and the bot among them."""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from imgbot.sandbox.api_errors import ApiError, bad_request, forbidden
from imgbot.sandbox.events import CallLog, EventFeed
from imgbot.sandbox.faults import Faults, SandboxRateLimits
from imgbot.sandbox.files import FileStore
from imgbot.sandbox.star_bank import StarBank
from imgbot.sandbox.updates import Updates

INLINE_LIFETIME_S = 30

Json = dict[str, Any]


class SandboxError(Exception):
    """Impossible request by a sandbox user; the text gives the reason."""


@dataclass(slots=True)
class Post:
    """One message of a chat in its present state; an ephemeral one is known by a negative id."""

    message: Json
    is_outgoing: bool
    force_reply: Json | None = None
    edits: int = 0
    is_deleted: bool = False

    @property
    def id(self) -> int:
        return self.message["message_id"] or -self.message["ephemeral_message_id"]

    def is_shown_to(self, user_id: int) -> bool:
        """Return true for an ordinary message, and to the one user of an ephemeral one."""
        users = (self.message["from"]["id"], self.message.get("receiver_user", {}).get("id"))
        return self.id > 0 or user_id in users

    def view(self) -> Json:
        """Return the message for the control interface."""
        view = self.message | {
            "message_id": self.id,
            "edits": self.edits,
            "deleted": self.is_deleted,
            "outgoing": self.is_outgoing,
        }
        return view | {"force_reply": self.force_reply} if self.force_reply else view


@dataclass(slots=True)
class Chat:
    """Private chat (its id is the user's), group or supergroup.

    `refusal` is the error for a bot that can no longer reach the chat; `is_over` means that users
    cannot write there either.
    """

    id: int
    info: Json
    members: list[int]
    is_started: bool
    is_blocked: bool = False
    hears_all: bool = False
    is_admin: bool = False
    """True if the bot is an administrator of the group."""
    is_foreign: bool = False
    """True if the bot is not in it, and gets only messages that mention it."""
    refusal: ApiError | None = None
    is_over: bool = False
    posts: dict[int, Post] = field(default_factory=dict[int, Post])
    threads: set[int] = field(default_factory=set[int])
    last_message_id: int = 0
    last_ephemeral_id: int = 0

    @property
    def is_private(self) -> bool:
        return self.id > 0

    def live(self, message_id: int) -> Post | None:
        post = self.posts.get(message_id)
        return None if post is None or post.is_deleted else post

    def view(self) -> Json:
        """Return the chat for the control interface."""
        view = self.info | {"members": self.members, "hears_all": self.hears_all}
        view["admin"] = self.is_admin
        if self.is_private:
            view["blocked"] = self.is_blocked
        if self.refusal:
            view |= {"closed": self.refusal.description, "over": self.is_over}
        return view


@dataclass(slots=True)
class Query:
    """Callback query of a pressed button, or mention in a chat that the bot is not in."""

    user_id: int
    chat_id: int
    asked_at: float
    is_of_ephemeral: bool = False
    is_answered: bool = False
    answer: str = ""
    """Text that the bot shows over the chat, where no message has it."""


@dataclass(slots=True)
class InlineQuery:
    """One inline query, with the bot's answer once given."""

    id: str
    user: Json
    words: str
    asked_at: float
    offers: dict[str, tuple[Json, Json]] = field(default_factory=dict[str, tuple[Json, Json]])
    """Result id → its preview, and the message that it becomes."""
    _answered: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_answered(self) -> bool:
        return self._answered.is_set()

    def give(self, offers: dict[str, tuple[Json, Json]]) -> None:
        self.offers = offers
        self._answered.set()

    async def wait(self, timeout_s: float) -> Json:
        """Wait for the answer; without one, raise an error that says so."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._answered.wait()
        except TimeoutError:
            raise SandboxError("the bot did not answer the inline query") from None
        previews = [preview for preview, _ in self.offers.values()]
        return {"inline_query_id": self.id, "results": previews}


_MAX_POSTS = 200_000
# Telegram's user ids exceed 32 bits; so do these.
FIRST_USER_ID = 5_000_000_001
_FIRST_GROUP_ID = -1_001_000_000_001
_SET_STICKERS = 120
_FIRST_BASIC_GROUP_ID = -4_000_000_001
# Fields that an edit does not touch.
_KEPT = (
    "message_id from sender_chat chat date reply_to_message quote media_group_id"
    " message_thread_id is_topic_message forward_origin via_bot receiver_user ephemeral_message_id"
)


@dataclass(slots=True)
class StickerSet:
    """Set of stickers that a bot made for a user."""

    user_id: int
    title: str
    stickers: list[Json] = field(default_factory=list[Json])

    def add(self, sticker: Json) -> bool:
        """Add a sticker that is not in the set yet; False if the set is full."""
        if all(each["file_unique_id"] != sticker["file_unique_id"] for each in self.stickers):
            if len(self.stickers) >= _SET_STICKERS:
                return False
            self.stickers.append(sticker)
        return True


def new_query_id() -> str:
    return str(10**18 + secrets.randbelow(9 * 10**18))


class SandboxState:
    """Complete state, in memory; the oldest messages are dropped when there are too many."""

    def __init__(
        self, token: str, *, flood: bool = True, now: Callable[[], float] = time.time
    ) -> None:
        self.token = token
        self.now = now
        self.bot: Json = {
            "id": int(token.partition(":")[0]),
            "is_bot": True,
            "first_name": "imgbot",
            "username": "imgbot_sandbox_bot",
        }
        self.users: dict[int, Json] = {}
        self.chats: dict[int, Chat] = {}
        self.queries: dict[str, Query] = {}
        self.inline_queries: dict[str, InlineQuery] = {}
        self.guest_queries: dict[str, Query] = {}
        self.inline_posts: dict[str, tuple[Chat, Post]] = {}
        """Messages that were sent via the bot with buttons, by the id that it edits them by."""
        self.webhook_url = ""
        self.sticker_sets: dict[str, StickerSet] = {}
        """Sets by name in lower case."""
        self.commands: dict[tuple[str, int, str], list[Json]] = {}
        """Lists of the bot's commands by scope, chat and language."""
        self.events = EventFeed()
        self.calls = CallLog(self.events)
        self.faults = Faults()
        self.floods = SandboxRateLimits(now, is_on=flood)
        self.files = FileStore()
        self.stars = StarBank()
        self.updates = Updates(now, lambda active: self.events.publish("polling", active=active))
        self._shared_message_id = 0
        self._order: deque[tuple[int, int]] = deque()

    def close(self) -> None:
        self.updates.close()
        self.events.close()
        self.files.close()

    def view(self) -> Json:
        """Return everything that watchers begin with."""
        bot = {name: self.bot[name] for name in ("id", "username", "first_name")}
        return {
            "bot": bot | {"commands": self.private_commands()},
            "users": list(self.users.values()),
            "chats": [chat.view() for chat in self.chats.values()],
            "bot_is_polling": self.updates.is_polled,
            "seq": self.events.last_seq,
        }

    def chat(self, chat_id: int) -> Chat:
        """Return a chat. Raises SandboxError."""
        if chat_id not in self.chats:
            raise SandboxError("no such chat")
        return self.chats[chat_id]

    def add_user(self, first_name: str, username: str = "", language_code: str = "") -> Json:
        user_id = FIRST_USER_ID + len(self.users)
        names = {"first_name": first_name} | ({"username": username} if username else {})
        user: Json = {"id": user_id, "is_bot": False} | names
        if language_code:
            user["language_code"] = language_code
        self.users[user_id] = user
        info = {"id": user_id, "type": "private"} | names
        self.chats[user_id] = Chat(user_id, info, [user_id], is_started=False)
        return user

    def add_group(self, kind: str, title: str, members: list[int]) -> Chat:
        """Create a chat of several users: `kind` is "group" or "supergroup"."""
        first_id = _FIRST_BASIC_GROUP_ID if kind == "group" else _FIRST_GROUP_ID
        chat_id = first_id - sum(not chat.is_private for chat in self.chats.values())
        info: Json = {"id": chat_id, "type": kind, "title": title}
        chat = Chat(chat_id, info, members, is_started=True)
        self.chats[chat_id] = chat
        return chat

    def chat_for_bot(self, chat_id: str) -> Chat:
        """Return the chat that the bot names, or raise Telegram's refusal."""
        if not chat_id:
            raise bad_request("chat_id is empty")
        chat = self.chats.get(int(chat_id)) if chat_id.removeprefix("-").isdecimal() else None
        if chat is None or chat.is_foreign:
            raise bad_request("chat not found")
        if chat.refusal:
            raise chat.refusal
        if not chat.is_started:
            raise forbidden("bot can't initiate conversation with a user")
        if chat.is_blocked:
            raise forbidden("bot was blocked by the user")
        return chat

    def add_post(
        self, chat: Chat, sender: Json, content: Json, force_reply: Json | None = None
    ) -> Post:
        """Add a message to the chat and publish it."""
        head = {"message_id": self._next_message_id(chat), "from": sender}
        return self._keep(chat, sender, head | content, force_reply)

    def add_ephemeral(
        self, chat: Chat, sender: Json, receiver: Json, content: Json, ask: Json | None = None
    ) -> Post:
        """Add a message that only its sender and its receiver see."""
        chat.last_ephemeral_id += 1
        head = {"message_id": 0, "from": sender, "receiver_user": receiver}
        head |= {"ephemeral_message_id": chat.last_ephemeral_id}
        return self._keep(chat, sender, head | content, ask)

    def _keep(self, chat: Chat, sender: Json, message: Json, force_reply: Json | None) -> Post:
        message = message | {"chat": chat.info, "date": int(self.now())}
        post = Post(message, is_outgoing=sender is self.bot, force_reply=force_reply)
        chat.posts[post.id] = post
        self._order.append((chat.id, post.id))
        if len(self._order) > _MAX_POSTS:
            old_chat_id, old_id = self._order.popleft()
            self.chats[old_chat_id].posts.pop(old_id, None)
        self.events.publish("message", chat_id=chat.id, message=post.view())
        return post

    def change_post(self, chat: Chat, post: Post, content: Json) -> None:
        """Replace the content of a post, as an edit does."""
        head = {name: post.message[name] for name in _KEPT.split() if name in post.message}
        post.message = head | {"edit_date": int(self.now())} | content
        post.edits += 1
        self.events.publish("edit", chat_id=chat.id, message=post.view())

    def delete_post(self, chat: Chat, post: Post) -> None:
        post.is_deleted = True
        self.events.publish("delete", chat_id=chat.id, message_id=post.id)

    def private_commands(self) -> dict[str, list[Json]]:
        """Return the commands of private chats by language; the narrower scope wins."""
        found: dict[str, list[Json]] = {"": []}
        for scope in ("default", "all_private_chats"):
            found |= {lang: each for (its, _, lang), each in self.commands.items() if its == scope}
        return found

    def is_ephemeral_command(self, text: str, language: str) -> bool:
        """Return true if clients send a text to a group as an ephemeral command of the bot."""
        name, _, addressee = text.split(maxsplit=1)[0].lower().partition("@")
        if not name.startswith("/") or addressee not in {"", self.bot["username"].lower()}:
            return False
        for scope in ("all_group_chats", "default"):
            for code in (language, ""):
                if shown := self.commands.get((scope, 0, code)):
                    return any(
                        each["command"] == name[1:] and each.get("is_ephemeral") for each in shown
                    )
        return False

    def add_inline_query(self, user: Json, words: str) -> InlineQuery:
        query = InlineQuery(new_query_id(), user, words, self.now())
        self.inline_queries[query.id] = query
        return query

    def add_guest_query(self, user: Json, chat: Chat) -> str:
        query_id = new_query_id()
        self.guest_queries[query_id] = Query(user["id"], chat.id, self.now())
        return query_id

    def add_inline_post(self, chat: Chat, post: Post) -> str:
        """Return the id by which the bot edits a message that it did not send itself."""
        inline_id = secrets.token_urlsafe(24)
        self.inline_posts[inline_id] = (chat, post)
        return inline_id

    def inline_id_of(self, chat: Chat, post: Post) -> str:
        """Return that id, empty for an ordinary message."""
        found = (each for each, held in self.inline_posts.items() if held == (chat, post))
        return next(found, "")

    @staticmethod
    def reply_copy(post: Post) -> Json:
        """Return the message as embedded in a reply: without its own reply."""
        return {name: part for name, part in post.message.items() if name != "reply_to_message"}

    def _next_message_id(self, chat: Chat) -> int:
        # Private chats and basic groups share one counter; supergroups have their own.
        if chat.is_private or chat.info["type"] == "group":
            self._shared_message_id += 1
            return self._shared_message_id
        chat.last_message_id += 1
        return chat.last_message_id
