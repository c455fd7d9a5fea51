"""User actions: write, send pictures, forward, press buttons, delete, ask inline.

Messages are built as clients build them, and the bot is told as far as Telegram would tell it.
"""

import asyncio
import re
import secrets
from typing import Any

from imgbot.sandbox.entities import covered, utf16_length, with_found
from imgbot.sandbox.files import SENT_SIDES, PictureRefusedError, StoredFile
from imgbot.sandbox.state import (
    INLINE_LIFETIME_S,
    Chat,
    Json,
    Post,
    Query,
    SandboxError,
    SandboxState,
)
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
_LEFT_BEHIND = (
    "message_id from sender_chat chat date edit_date reply_to_message quote media_group_id"
    " message_thread_id is_topic_message reply_markup"
)


class SandboxUsers:
    """Acts for the users of one sandbox, and notifies the bot as far as Telegram would."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state
        self._builder = MessageBuilder(state)

    async def send(self, chat: Chat, user_id: int, fields: Json) -> list[Post]:
        """Send texts, photos, documents, or raw fields as one action."""
        sender, mark = self._sender(chat, user_id, is_anonymous=fields.get("anonymous", False))
        gap_s = min(max(fields.get("gap_ms", 0), 0), _LONGEST_GAP_MS) / 1000
        contents = await self._builder.contents(chat, fields)
        chat.is_started = True
        posts: list[Post] = []
        for content in contents:
            if posts and gap_s:
                await asyncio.sleep(gap_s)
            posts.append(self._state.add_post(chat, sender, mark | content))
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
            kept = {k: v for k, v in source.message.items() if k not in _LEFT_BEHIND.split()}
            kept.setdefault("forward_origin", _origin(source.message, is_hidden=is_hidden))
            if "media_group_id" in source.message and len(sources) > 1:
                kept |= group
            posts.append(self._state.add_post(chat, sender, mark | kept))
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
        self._state.change_post(chat, post, media | part)
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
        self._state.add_query(query_id, Query(user_id, chat.id, self._state.now()))
        query = {"id": query_id, "from": user} | place
        query |= {"chat_instance": str(abs(chat.id)), "data": data}
        self._state.updates.add("callback_query", query, CALLBACK_LIFETIME_S)
        return query_id

    def delete(self, chat: Chat, message_id: int) -> None:
        """Delete messages. The bot is not notified, as at Telegram."""
        self._state.delete_post(chat, live(chat, message_id))

    async def ask_inline(
        self, user_id: int, text: str, chat: Chat | None, timeout_s: float
    ) -> Json:
        """Type `@bot text` into a chat, and wait for the bot's results."""
        user = self._state.users.get(user_id)
        if user is None:
            raise SandboxError(f"no user {user_id}")
        query = self._state.inline.ask(user, text)
        update: Json = {"id": query.id, "from": user, "query": text, "offset": ""}
        if chat:
            is_own = chat.id == user_id
            update["chat_type"] = "sender" if is_own else chat.info["type"]
        self._state.updates.add("inline_query", update, INLINE_LIFETIME_S)
        return await query.wait(timeout_s)

    def choose_inline(self, chat: Chat, query_id: str, result_id: str) -> Post:
        """Send one of the results into a chat, via the bot."""
        query = self._state.inline.find(query_id)
        offer = query.offers.get(result_id) if query else None
        if query is None or offer is None:
            raise SandboxError(f"no result {result_id} of the inline query {query_id}")
        sender, mark = self._sender(chat, query.user["id"], is_anonymous=False)
        chat.is_started = True
        post = self._state.add_post(
            chat, sender, mark | {"via_bot": self._state.bot} | offer.content
        )
        self._tell(chat, "message", post)
        return post

    def _tell(self, chat: Chat, kind: str, post: Post) -> None:
        if chat.refusal is None and is_for_bot(chat, post, self._state.bot):
            kind = _CHANNEL_KINDS[kind] if chat.is_channel else kind
            self._state.updates.add(kind, post.message)

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
        return self._state.users[user_id]


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


TEXT_LIMIT = 4096
_CAPTION_LIMIT = 1024
_MAX_IN_ALBUM = 10
_LONGEST_TEXT = 100_000
_MAX_THREADS = 1_000


class MessageBuilder:
    """Builds messages from texts, photos and documents."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    async def contents(self, chat: Chat, fields: Json) -> list[Json]:
        """Return the contents of the requested messages, in order."""
        head = self._head(chat, fields)
        parts = texts(fields.get("text") or "") + await self._files(chat, fields)
        extra: Json = fields.get("extra") or {}
        if not parts and extra:
            parts = [{}]
        if not parts:
            raise SandboxError("nothing to send")
        return [head | part | extra for part in parts]

    def _head(self, chat: Chat, fields: Json) -> Json:
        head: Json = {}
        if thread_id := fields.get("thread_id"):
            if len(chat.threads) >= _MAX_THREADS:
                raise SandboxError(f"a chat has at most {_MAX_THREADS} topics")
            chat.threads.add(thread_id)
            head |= {"message_thread_id": thread_id, "is_topic_message": True}
        if reply_id := fields.get("reply_to_message_id"):
            replied = live(chat, reply_id)
            head["reply_to_message"] = self._state.reply_copy(replied)
            head |= _quote(fields.get("quote") or "", replied)
        elif fields.get("quote"):
            raise SandboxError("a quote needs the message that is replied to")
        elif thread_id:
            head["reply_to_message"] = self._beginning(chat, thread_id)
        return head

    def _beginning(self, chat: Chat, thread_id: int) -> Json:
        """Return the message that opened a topic: messages that reply to nothing reply to it."""
        return {
            "message_id": thread_id,
            "from": self._state.users[chat.members[0]],
            "chat": chat.info,
            "date": int(self._state.now()),
            "message_thread_id": thread_id,
            "is_topic_message": True,
            "forum_topic_created": {"name": f"Topic {thread_id}", "icon_color": 7_322_096},
        }

    async def _files(self, chat: Chat, fields: Json) -> list[Json]:
        """Return photos or documents, as one album if there are several."""
        photos = [self._picked(key) for key in fields.get("photos") or []]
        documents = [self._picked(key) for key in fields.get("documents") or []]
        if photos and documents:
            raise SandboxError("an album holds photos or documents, never both")
        kind = "photo" if photos else "document"
        group = _group(chat, fields.get("media_group_id"), kind, len(photos or documents))
        parts = [await self._photo(file) for file in photos]
        parts += [await self._document(file) for file in documents]
        if fields.get("spoiler"):
            parts = [part | {"has_media_spoiler": True} for part in parts if "photo" in part]
        written = caption(fields.get("caption") or "")
        if parts:
            parts[0] |= written
        elif written:
            raise SandboxError("a caption needs a file")
        return [group | part for part in parts]

    async def _photo(self, file: StoredFile) -> Json:
        try:
            photo = await self._state.files.keep_photo(file.path, SENT_SIDES)
        except PictureRefusedError as refused:
            raise SandboxError(f"{file.name} cannot be sent as a photo: {refused}") from None
        return {"photo": photo.message_part()}

    async def _document(self, file: StoredFile) -> Json:
        document = await self._state.files.keep_document(file.path, file.name)
        return {"document": document.message_part()}

    def _picked(self, key: Any) -> StoredFile:
        file = self._state.files.find(key) if isinstance(key, str) else None
        if file is None:
            raise SandboxError(f"no file has the key {key}")
        return file


def live(chat: Chat, message_id: int) -> Post:
    """Return an existing message, or raise an error that says it is gone."""
    post = chat.live(message_id)
    if post is None:
        raise SandboxError(f"no message {message_id} in chat {chat.id}")
    return post


def new_group() -> Json:
    """Return the id of a new album."""
    return {"media_group_id": str(10**16 + secrets.randbelow(10**16))}


def _group(chat: Chat, given: str | None, kind: str, count: int) -> Json:
    """Return the id of the album that `count` files of one kind form or join."""
    there = chat.album(given) if given else []
    if given and not there:
        raise SandboxError(f"no album {given} in chat {chat.id}")
    if any(kind not in post.message for post in there):
        raise SandboxError("an album holds photos or documents, never both")
    if count + len(there) > _MAX_IN_ALBUM:
        raise SandboxError(f"an album holds at most {_MAX_IN_ALBUM} files")
    if given:
        return {"media_group_id": given}
    return new_group() if count > 1 else {}


def _quote(words: str, replied: Post) -> Json:
    if not words:
        return {}
    text: str = replied.message.get("text") or replied.message.get("caption") or ""
    at = text.find(words)
    if at < 0:
        raise SandboxError("a quote must be a part of the message that is replied to")
    return {"quote": {"text": words, "position": utf16_length(text[:at]), "is_manual": True}}


def texts(text: str) -> list[Json]:
    """Split a text into the messages that a client makes of it."""
    if len(text) > _LONGEST_TEXT:
        raise SandboxError(f"a text has at most {_LONGEST_TEXT} characters")
    parts: list[Json] = []
    rest = text.strip()
    while rest:
        piece = _first_piece(rest)
        rest = rest[len(piece) :].lstrip()
        part: Json = {"text": piece}
        if entities := with_found(piece, []):
            part["entities"] = entities
        parts.append(part)
    return parts


def _first_piece(text: str) -> str:
    """Return as much of the text as one message holds, cut between words if possible."""
    if utf16_length(text) <= TEXT_LIMIT:
        return text
    piece = text[:TEXT_LIMIT]
    while utf16_length(piece) > TEXT_LIMIT:
        piece = piece[:-1]
    spaces = [match.start() for match in re.finditer(r"\s", piece)]
    return piece[: spaces[-1]] if spaces and spaces[-1] > TEXT_LIMIT // 2 else piece


def caption(text: str) -> Json:
    """Return the caption of a file, with the entities that Telegram detects in it."""
    if utf16_length(text) > _CAPTION_LIMIT:
        raise SandboxError(f"a caption has at most {_CAPTION_LIMIT} characters")
    part: Json = {"caption": text} if text else {}
    if entities := with_found(text, []):
        part["caption_entities"] = entities
    return part
