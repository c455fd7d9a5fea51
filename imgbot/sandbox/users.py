"""User actions: write, send pictures, forward, press buttons, delete, ask inline."""

import asyncio
import secrets

from imgbot.sandbox.chats import INLINE_LIFETIME_S, Chat, Json, Post, Query, SandboxError
from imgbot.sandbox.entities import covered
from imgbot.sandbox.outgoing import TEXT_LIMIT, MessageBuilder, caption, live, new_group, texts
from imgbot.sandbox.state import SandboxState
from imgbot.sandbox.updates import CALLBACK_LIFETIME_S

# The account that stands for an anonymous administrator.
GROUP_ANONYMOUS_BOT: Json = {
    "id": 1_087_968_824,
    "is_bot": True,
    "first_name": "Group",
    "username": "GroupAnonymousBot",
}

_LONGEST_GAP_MS = 10_000
_CHANNEL_KINDS = {"message": "channel_post", "edited_message": "edited_channel_post"}
# Fields that a forwarded message loses.
_LEFT_BEHIND = frozenset(
    {
        "message_id",
        "from",
        "sender_chat",
        "chat",
        "date",
        "edit_date",
        "reply_to_message",
        "quote",
        "media_group_id",
        "message_thread_id",
        "is_topic_message",
        "reply_markup",
    }
)


class SandboxUsers:
    """Acts for the users of one sandbox, and notifies the bot as far as Telegram would."""

    def __init__(self, world: SandboxState) -> None:
        self._world = world
        self._packer = MessageBuilder(world)

    async def send(self, chat: Chat, user_id: int, wish: Json) -> list[Post]:
        """Send texts, photos, documents, or raw fields as one action."""
        sender, mark = self._sender(chat, user_id, is_anonymous=wish.get("anonymous", False))
        gap_s = min(max(wish.get("gap_ms", 0), 0), _LONGEST_GAP_MS) / 1000
        contents = await self._packer.contents(chat, wish)
        chat.is_started = True
        posts: list[Post] = []
        for content in contents:
            if posts and gap_s:
                await asyncio.sleep(gap_s)
            posts.append(self._world.add_post(chat, sender, mark | content))
            self._tell(chat, "message", posts[-1])
        return posts

    def forward(
        self, chat: Chat, user_id: int, origin: Chat, message_ids: list[int], *, is_hidden: bool
    ) -> list[Post]:
        """Forward messages of another chat."""
        sender, mark = self._sender(chat, user_id, is_anonymous=False)
        sources = [live(origin, message_id) for message_id in message_ids]
        group = new_group()
        chat.is_started = True
        posts: list[Post] = []
        for source in sources:
            kept = {k: v for k, v in source.message.items() if k not in _LEFT_BEHIND}
            kept.setdefault("forward_origin", _origin(source.message, is_hidden=is_hidden))
            if "media_group_id" in source.message and len(sources) > 1:
                kept |= group
            posts.append(self._world.add_post(chat, sender, mark | kept))
            self._tell(chat, "message", posts[-1])
        return posts

    def edit(self, chat: Chat, message_id: int, text: str) -> Post:
        post = live(chat, message_id)
        if post.is_outgoing:
            raise SandboxError("people edit only what they wrote")
        parts = texts(text)
        if "text" in post.message and len(parts) != 1:
            raise SandboxError(f"a text has 1 to {TEXT_LIMIT} characters")
        part = parts[0] if "text" in post.message else caption(text)
        kept = ("photo", "document", "has_media_spoiler")
        media = {name: post.message[name] for name in kept if name in post.message}
        self._world.change_post(chat, post, media | part)
        self._tell(chat, "edited_message", post)
        return post

    def press(self, chat: Chat, user_id: int, message_id: int, data: str) -> str:
        """Press a button; its data may be forged."""
        query_id = str(10**18 + secrets.randbelow(9 * 10**18))
        post = chat.live(message_id)
        place: Json = {"message": {"message_id": message_id, "date": 0, "chat": chat.info}}
        if post:
            place = {"message": post.message}
        user = self._member(chat, user_id)
        self._world.add_query(query_id, Query(user_id, chat.id, self._world.now()))
        query = {"id": query_id, "from": user} | place
        query |= {"chat_instance": str(abs(chat.id)), "data": data}
        self._world.updates.add("callback_query", query, CALLBACK_LIFETIME_S)
        return query_id

    def delete(self, chat: Chat, message_id: int) -> None:
        """Delete messages. The bot is not notified, as at Telegram."""
        self._world.delete_post(chat, live(chat, message_id))

    async def ask_inline(
        self, user_id: int, text: str, chat: Chat | None, timeout_s: float
    ) -> Json:
        """Type `@bot text` into a chat, and wait for the bot's results."""
        user = self._world.users.get(user_id)
        if user is None:
            raise SandboxError(f"no user {user_id}")
        query = self._world.inline.ask(user, text)
        update: Json = {"id": query.id, "from": user, "query": text, "offset": ""}
        if chat:
            is_own = chat.id == user_id
            update["chat_type"] = "sender" if is_own else chat.info["type"]
        self._world.updates.add("inline_query", update, INLINE_LIFETIME_S)
        return await query.wait(timeout_s)

    def choose_inline(self, chat: Chat, query_id: str, result_id: str) -> Post:
        """Send one of the results into a chat, via the bot."""
        query = self._world.inline.find(query_id)
        offer = query.offers.get(result_id) if query else None
        if query is None or offer is None:
            raise SandboxError(f"no result {result_id} of the inline query {query_id}")
        sender, mark = self._sender(chat, query.user["id"], is_anonymous=False)
        chat.is_started = True
        post = self._world.add_post(
            chat, sender, mark | {"via_bot": self._world.bot} | offer.content
        )
        self._tell(chat, "message", post)
        return post

    def _tell(self, chat: Chat, kind: str, post: Post) -> None:
        if chat.refusal is None and is_for_bot(chat, post, self._world.bot):
            kind = _CHANNEL_KINDS[kind] if chat.is_channel else kind
            self._world.updates.add(kind, post.message)

    def _sender(self, chat: Chat, user_id: int, *, is_anonymous: bool) -> tuple[Json, Json]:
        """Return the sender of a message, and what else marks its author."""
        user = self._member(chat, user_id)
        if chat.is_blocked:
            raise SandboxError("who blocks the bot cannot write to it")
        if chat.is_over:
            raise SandboxError(f"nobody can write to chat {chat.id} any more")
        if not is_anonymous:
            return user, {}
        if chat.is_private or chat.is_channel:
            raise SandboxError("only administrators of groups are anonymous")
        return GROUP_ANONYMOUS_BOT, {"sender_chat": chat.info}

    def _member(self, chat: Chat, user_id: int) -> Json:
        if user_id not in chat.members:
            raise SandboxError(f"user {user_id} is not in chat {chat.id}")
        return self._world.users[user_id]


def _origin(message: Json, *, is_hidden: bool) -> Json:
    """Return the origin of a forwarded message, as far as its author reveals it."""
    origin: Json = {"date": message["date"]}
    if message["chat"]["type"] == "channel":
        ids = {"chat": message["chat"], "message_id": message["message_id"]}
        return {"type": "channel"} | origin | ids
    if "sender_chat" in message:
        return {"type": "chat"} | origin | {"sender_chat": message["sender_chat"]}
    if is_hidden:
        name = message["from"]["first_name"]
        return {"type": "hidden_user"} | origin | {"sender_user_name": name}
    return {"type": "user"} | origin | {"sender_user": message["from"]}


def is_for_bot(chat: Chat, post: Post, bot: Json) -> bool:
    """Return True if the bot gets a user's message.

    In a group with privacy mode: commands, replies to the bot and to commands for it, and messages
    sent via it. A mere mention is not among them, whatever BotFather says (Bot FAQ "What messages
    will my bot get?"; HKUDS/nanobot#449, telegramdesktop/tdesktop#2117).
    """
    if chat.is_private or chat.is_channel or chat.hears_all:
        return True
    message = post.message
    if message.get("via_bot", {}).get("id") == bot["id"]:
        return True
    replied = message.get("reply_to_message")
    if replied and (_author_id(replied) == bot["id"] or _has_command(replied, bot)):
        return True
    return _has_command(message, bot)


def _author_id(message: Json) -> int:
    return message.get("from", {}).get("id", 0)


def _has_command(message: Json, bot: Json) -> bool:
    """Return True if the message has a command for this bot, or for any bot."""
    name = "@" + bot["username"].lower()
    text = message.get("text") or message.get("caption") or ""
    for entity in message.get("entities") or message.get("caption_entities") or []:
        part = covered(text, entity).lower()
        if entity["type"] == "bot_command" and ("@" not in part or part.endswith(name)):
            return True
    return False
