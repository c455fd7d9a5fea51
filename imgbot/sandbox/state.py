"""State of the sandbox: users, chats, messages, and the bot among them."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable

from imgbot.sandbox.api_errors import bad_request, forbidden
from imgbot.sandbox.call_log import CallLog
from imgbot.sandbox.chats import Chat, InlineQueries, Json, Post, Query, SandboxError
from imgbot.sandbox.events import EventFeed
from imgbot.sandbox.faults import Faults
from imgbot.sandbox.files import FileStore
from imgbot.sandbox.polling import Poller
from imgbot.sandbox.rate_limits import SandboxRateLimits
from imgbot.sandbox.updates import UpdateQueue

_MAX_PEOPLE = 20_000
_MAX_POSTS = 200_000
_MAX_QUERIES = 20_000
# Telegram's user ids exceed 32 bits; so do these.
FIRST_USER_ID = 5_000_000_001
_FIRST_GROUP_ID = -1_001_000_000_001
_FIRST_BASIC_GROUP_ID = -4_000_000_001
# Fields that an edit does not touch.
_KEPT = (
    "message_id",
    "from",
    "sender_chat",
    "chat",
    "date",
    "reply_to_message",
    "quote",
    "media_group_id",
    "message_thread_id",
    "is_topic_message",
    "forward_origin",
    "via_bot",
)


class SandboxState:
    """Complete state, in memory, bounded."""

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
        self.queries: OrderedDict[str, Query] = OrderedDict()
        self.inline = InlineQueries(now)
        self.webhook_url = ""
        self.commands: dict[tuple[str, str], list[Json]] = {}
        """Lists of the bot's commands by scope and language."""
        self.events = EventFeed()
        self.calls = CallLog(self.events)
        self.faults = Faults()
        self.floods = SandboxRateLimits(now, is_on=flood)
        self.files = FileStore()
        self.updates = UpdateQueue(now)
        self.poller = Poller(self.updates, now, self._polling_changed)
        self.updates.on_added = self.poller.wake
        self._shared_message_id = 0
        self._order: deque[tuple[int, int]] = deque()

    def close(self) -> None:
        self.poller.close()
        self.events.close()
        self.files.close()

    def add_user(self, first_name: str, username: str, language_code: str) -> Json:
        if len(self.users) >= _MAX_PEOPLE:
            raise SandboxError(f"more than {_MAX_PEOPLE} people")
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
        """Create a chat of several users: `kind` is "group", "supergroup" or "channel"."""
        groups = sum(not chat.is_private for chat in self.chats.values())
        if groups >= _MAX_PEOPLE:
            raise SandboxError(f"more than {_MAX_PEOPLE} groups")
        first_id = _FIRST_BASIC_GROUP_ID if kind == "group" else _FIRST_GROUP_ID
        chat_id = first_id - groups
        info: Json = {"id": chat_id, "type": kind, "title": title}
        chat = Chat(chat_id, info, members, is_started=True)
        self.chats[chat_id] = chat
        return chat

    def chat_for_bot(self, chat_id: str) -> Chat:
        """Return the chat that the bot names, or raise Telegram's refusal."""
        if not chat_id:
            raise bad_request("chat_id is empty")
        chat = self.chats.get(int(chat_id)) if chat_id.removeprefix("-").isdecimal() else None
        if chat is None:
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
        # A channel speaks for itself: the author of a post is not stated.
        author: Json = {"sender_chat": chat.info} if chat.is_channel else {"from": sender}
        head = {"message_id": self._next_message_id(chat)} | author
        head |= {"chat": chat.info, "date": int(self.now())}
        post = Post(head | content, is_outgoing=sender is self.bot, force_reply=force_reply)
        chat.posts[post.id] = post
        self._order.append((chat.id, post.id))
        if len(self._order) > _MAX_POSTS:
            old_chat_id, old_id = self._order.popleft()
            self.chats[old_chat_id].posts.pop(old_id, None)
        self.events.publish("message", chat_id=chat.id, message=post.view())
        return post

    def change_post(self, chat: Chat, post: Post, content: Json) -> None:
        """Replace the content of a post, as an edit does."""
        head = {name: post.message[name] for name in _KEPT if name in post.message}
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
            found |= {lang: each for (its, lang), each in self.commands.items() if its == scope}
        return found

    def add_query(self, query_id: str, query: Query) -> None:
        self.queries[query_id] = query
        if len(self.queries) > _MAX_QUERIES:
            self.queries.popitem(last=False)

    @staticmethod
    def reply_copy(post: Post) -> Json:
        """Return the message as embedded in a reply: without its own reply."""
        return {name: part for name, part in post.message.items() if name != "reply_to_message"}

    def _next_message_id(self, chat: Chat) -> int:
        # Private chats and basic groups share one counter; supergroups and channels have their own.
        if chat.is_private or chat.is_basic_group:
            self._shared_message_id += 1
            return self._shared_message_id
        chat.last_message_id += 1
        return chat.last_message_id

    def _polling_changed(self, active: bool) -> None:  # noqa: FBT001 the poller calls it
        self.events.publish("polling", active=active)
