"""User actions: write, send pictures, forward, press buttons, delete, ask inline.

Messages are built as clients build them, and the bot is notified as far as Telegram would do it.
"""

import asyncio
import secrets
from typing import Any

from pydantic import BaseModel, Field

from imgbot.sandbox.api_errors import ApiError
from imgbot.sandbox.entities import (
    CAPTION_LIMIT,
    caption_part,
    split_text,
    text_part,
    utf16_length,
)
from imgbot.sandbox.membership import hears, mentions
from imgbot.sandbox.state import (
    INLINE_LIFETIME_S,
    Chat,
    Json,
    Post,
    Query,
    SandboxError,
    SandboxState,
    new_query_id,
)
from imgbot.sandbox.updates import CALLBACK_LIFETIME_S

_MAX_IN_ALBUM = 10
_INLINE_ANSWER_S = 10
# Fields that a forwarded message loses.
_LEFT_BEHIND = (
    "message_id from sender_chat chat date edit_date reply_to_message quote media_group_id"
    " message_thread_id is_topic_message reply_markup"
)


class NewMessage(BaseModel, extra="forbid"):
    """Fields of messages that a user sends, as the control interface takes them."""

    text: str = ""
    caption: str = ""
    photos: list[str] = []
    documents: list[str] = []
    voice: str = ""
    duration_s: int = Field(3, ge=0)
    reply_to_message_id: int = 0
    quote: str = ""
    thread_id: int = 0
    spoiler: bool = False
    media_group_id: str = ""
    gap_ms: int = Field(0, ge=0, le=10_000)
    is_old_client: bool = False
    extra: Json = {}


class SandboxUsers:
    """Acts for the users of one sandbox, and notifies the bot as far as Telegram would."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    async def send(self, chat_id: int, user_id: int, **fields: Any) -> list[Post]:
        """Send texts, photos, documents, or raw fields as one action; see NewMessage."""
        message = NewMessage.model_validate(fields)
        chat = self._state.chat(chat_id)
        sender = self._sender(chat, user_id)
        contents = await _contents(self._state, chat, message)
        chat.is_started = True
        post = self._post_alone if self._is_ephemeral(chat, sender, message) else self._post
        posts: list[Post] = []
        for content in contents:
            if posts and message.gap_ms:
                await asyncio.sleep(message.gap_ms / 1000)
            posts.append(post(chat, sender, content))
        return posts

    def _is_ephemeral(self, chat: Chat, sender: Json, message: NewMessage) -> bool:
        """Return true for an ephemeral command, and for a reply to an ephemeral message."""
        if chat.is_private or chat.is_foreign or message.is_old_client:
            return False
        text, language = message.text.strip(), sender.get("language_code", "")
        is_command = bool(text) and self._state.is_ephemeral_command(text, language)
        return message.reply_to_message_id < 0 or is_command

    def _post_alone(self, chat: Chat, sender: Json, content: Json) -> Post:
        post = self._state.add_ephemeral(chat, sender, self._state.bot, content)
        if chat.refusal is None:
            self._state.updates.add("message", post.message)
        return post

    def forward(
        self,
        chat_id: int,
        user_id: int,
        from_chat_id: int,
        message_ids: list[int],
        *,
        hidden: bool = False,
    ) -> list[Post]:
        """Forward messages of another chat; `hidden`: without the author's name."""
        chat, origin = self._state.chat(chat_id), self._state.chat(from_chat_id)
        sender = self._sender(chat, user_id)
        sources = [live(origin, message_id) for message_id in message_ids]
        if any(source.id < 0 for source in sources):
            raise SandboxError("an ephemeral message cannot be forwarded")
        group = new_group()
        chat.is_started = True
        posts: list[Post] = []
        for source in sources:
            kept = {k: v for k, v in source.message.items() if k not in _LEFT_BEHIND.split()}
            kept.setdefault("forward_origin", _origin(source.message, is_hidden=hidden))
            if "media_group_id" in source.message and len(sources) > 1:
                kept |= group
            posts.append(self._post(chat, sender, kept))
        return posts

    def edit(self, chat_id: int, message_id: int, text: str) -> Post:
        """Change a text or a caption."""
        chat = self._state.chat(chat_id)
        post = live(chat, message_id)
        if post.id < 0:
            raise SandboxError("a user's ephemeral message cannot be edited")
        part = text_part(text) if "text" in post.message else caption_part(text)
        kept = ("photo", "document", "has_media_spoiler")
        media = {name: post.message[name] for name in kept if name in post.message}
        self._state.change_post(chat, post, media | part)
        self._notify(chat, "edited_message", post)
        return post

    def press(self, chat_id: int, user_id: int, message_id: int, data: str) -> Json:
        """Press a button; its data may be forged."""
        chat = self._state.chat(chat_id)
        query_id = new_query_id()
        # The client itself holds an ephemeral message.
        post = chat.live(message_id) or (chat.posts.get(message_id) if message_id < 0 else None)
        inaccessible: Json = {"message_id": message_id, "date": 0, "chat": chat.info}
        user = self._member(chat, user_id)
        if post and not post.is_shown_to(user_id):
            raise SandboxError(f"user {user_id} does not see message {message_id}")
        query = Query(user_id, chat.id, self._state.now(), is_of_ephemeral=message_id < 0)
        self._state.queries[query_id] = query
        inline_id = self._state.inline_id_of(chat, post) if post else ""
        about = {"message": post.message if post else inaccessible}
        pressed = {
            "id": query_id,
            "from": user,
            **({"inline_message_id": inline_id} if inline_id else about),
            "chat_instance": str(abs(chat.id)),
            "data": data,
        }
        self._state.updates.add("callback_query", pressed, CALLBACK_LIFETIME_S)
        return {"callback_query_id": query_id}

    async def pay(self, chat_id: int, user_id: int, message_id: int = 0, link: str = "") -> Post:
        """Pay the invoice of a message, or of a link in the private chat, if the bot agrees."""
        state, chat = self._state, self._state.chat(chat_id)
        user, invoice = self._sender(chat, user_id), state.stars.invoice(chat_id, message_id, link)
        query_id = new_query_id()
        query: Json = {"id": query_id, "from": user, "currency": "XTR"}
        query |= {"total_amount": invoice.amount, "invoice_payload": invoice.payload}
        state.updates.add("pre_checkout_query", query, CALLBACK_LIFETIME_S)
        await state.stars.check_out(query_id)
        chat = state.chat(user_id) if link else chat
        chat.is_started = True
        paid = state.stars.charge(user, invoice, int(state.now()))
        return self._post(chat, user, {"successful_payment": paid})

    def delete(self, chat_id: int, message_id: int) -> Json:
        """Delete a message. The bot is not notified, as at Telegram."""
        chat = self._state.chat(chat_id)
        self._state.delete_post(chat, live(chat, message_id))
        return {"deleted": True}

    async def ask_inline(
        self, user_id: int, query: str = "", chat_id: int = 0, timeout_s: int = _INLINE_ANSWER_S
    ) -> Json:
        """Type `@bot query` into a chat, and wait for the bot's results."""
        user = self._state.users.get(user_id)
        if user is None:
            raise SandboxError(f"no user {user_id}")
        typed = self._state.add_inline_query(user, query)
        update: Json = {"id": typed.id, "from": user, "query": query, "offset": ""}
        if chat_id:
            kind = self._state.chat(chat_id).info["type"]
            update["chat_type"] = "sender" if chat_id == user_id else kind
        self._state.updates.add("inline_query", update, INLINE_LIFETIME_S)
        return await typed.wait(min(timeout_s, INLINE_LIFETIME_S))

    def choose_inline(self, query_id: str, chat_id: int, result_id: str) -> Post:
        """Send one of the results into a chat, via the bot."""
        chat, query = self._state.chat(chat_id), self._state.inline_queries.get(query_id)
        if query is None or result_id not in query.offers:
            raise SandboxError(f"no result {result_id} of the inline query {query_id}")
        sender = self._sender(chat, query.user["id"])
        chat.is_started = True
        _, content = query.offers[result_id]
        post = self._post(chat, sender, {"via_bot": self._state.bot} | content)
        chosen: Json = {"result_id": result_id, "from": sender, "query": query.words}
        if "reply_markup" in content:
            chosen["inline_message_id"] = self._state.add_inline_post(chat, post)
        self._state.updates.add("chosen_inline_result", chosen)
        return post

    def _post(self, chat: Chat, sender: Json, content: Json) -> Post:
        post = self._state.add_post(chat, sender, content)
        self._notify(chat, "message", post)
        return post

    def _notify(self, chat: Chat, kind: str, post: Post) -> None:
        if chat.is_foreign:
            if kind == "message" and mentions(post.message, self._state.bot):
                query_id = self._state.add_guest_query(post.message["from"], chat)
                guest = post.message | {"guest_query_id": query_id}
                self._state.updates.add("guest_message", guest)
        elif chat.refusal is None and hears(chat, post, self._state.bot):
            self._state.updates.add(kind, post.message)

    def _sender(self, chat: Chat, user_id: int) -> Json:
        user = self._member(chat, user_id)
        if chat.is_blocked:
            raise SandboxError("who blocks the bot cannot write to it")
        if chat.is_over:
            raise SandboxError(f"nobody can write to chat {chat.id} any more")
        return user

    def _member(self, chat: Chat, user_id: int) -> Json:
        if user_id not in chat.members:
            raise SandboxError(f"user {user_id} is not in chat {chat.id}")
        return self._state.users[user_id]


def _origin(message: Json, *, is_hidden: bool) -> Json:
    """Return the origin of a forwarded message, as far as its author reveals it."""
    origin: Json = {"date": message["date"]}
    if is_hidden:
        name = message["from"]["first_name"]
        return {"type": "hidden_user"} | origin | {"sender_user_name": name}
    return {"type": "user"} | origin | {"sender_user": message["from"]}


async def _contents(state: SandboxState, chat: Chat, message: NewMessage) -> list[Json]:
    """Return the contents of the requested messages, in order."""
    head = _head(state, chat, message)
    parts = split_text(message.text) + await _files(state, chat, message)
    if message.voice:
        voice = await state.files.keep_sent("voice", message.voice)
        voice["voice"] |= {"duration": message.duration_s}
        parts.append(voice | caption(message.caption))
    if not parts and message.extra:
        parts = [{}]
    if not parts:
        raise SandboxError("nothing to send")
    return [head | part | message.extra for part in parts]


def _head(state: SandboxState, chat: Chat, message: NewMessage) -> Json:
    head: Json = {}
    if thread_id := message.thread_id:
        chat.threads.add(thread_id)
        head |= {"message_thread_id": thread_id, "is_topic_message": True}
        # A message that replies to nothing replies to the one that opened its topic.
        opening = {"message_id": thread_id, "date": int(state.now()), "chat": chat.info}
        topic = {"name": f"Topic {thread_id}", "icon_color": 7_322_096}
        author = {"from": state.users[chat.members[0]], "forum_topic_created": topic}
        head["reply_to_message"] = opening | author | head
    if message.reply_to_message_id:
        replied = live(chat, message.reply_to_message_id)
        if replied.id < 0:
            if not replied.is_outgoing:
                raise SandboxError("only the bot's ephemeral messages can be replied to")
            # Telegram may leave it out of the reply.
            return head
        head["reply_to_message"] = state.reply_copy(replied)
        head |= _quote(message.quote, replied)
    elif message.quote:
        raise SandboxError("a quote needs the message that is replied to")
    return head


async def _files(state: SandboxState, chat: Chat, message: NewMessage) -> list[Json]:
    """Return photos or documents, as one album if there are several."""
    kind = "photo" if message.photos else "document"
    keys = message.photos or message.documents
    group = _group(chat, message.media_group_id, len(keys))
    try:
        parts = [await state.files.keep_sent(kind, key) for key in keys]
    except ApiError as refused:
        raise SandboxError(f"a file cannot be sent as a photo: {refused.description}") from None
    if message.spoiler and message.photos:
        parts = [part | {"has_media_spoiler": True} for part in parts]
    written = caption(message.caption)
    if parts:
        parts[0] |= written
    elif written and not message.voice:
        raise SandboxError("a caption needs a file")
    return [group | part for part in parts]


def live(chat: Chat, message_id: int) -> Post:
    """Return an existing message, or raise an error that says it is gone."""
    post = chat.live(message_id)
    if post is None:
        raise SandboxError(f"no message {message_id} in chat {chat.id}")
    return post


def new_group() -> Json:
    """Return the id of a new album."""
    return {"media_group_id": str(10**16 + secrets.randbelow(10**16))}


def _group(chat: Chat, given: str, count: int) -> Json:
    """Return the id of the album that `count` files of one kind form or join."""
    there = [p for p in chat.posts.values() if given and p.message.get("media_group_id") == given]
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


def caption(text: str) -> Json:
    """Return the caption of a file, with the entities that Telegram detects in it."""
    if utf16_length(text) > CAPTION_LIMIT:
        raise SandboxError(f"a caption has at most {CAPTION_LIMIT} characters")
    return caption_part(text)
