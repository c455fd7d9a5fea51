"""Contents of users' messages, built as clients do."""

import re
import secrets
from typing import Any

from imgbot.sandbox.chats import Chat, Json, Post, SandboxError
from imgbot.sandbox.entities import utf16_length, with_found
from imgbot.sandbox.files import StoredFile
from imgbot.sandbox.pictures import SENT_SIDES, PictureRefusedError
from imgbot.sandbox.state import SandboxState

TEXT_LIMIT = 4096
_CAPTION_LIMIT = 1024
_MAX_IN_ALBUM = 10
_LONGEST_TEXT = 100_000
_MAX_THREADS = 1_000


class MessageBuilder:
    """Builds messages from texts, photos and documents."""

    def __init__(self, world: SandboxState) -> None:
        self._world = world

    async def contents(self, chat: Chat, wish: Json) -> list[Json]:
        """Return the contents of the requested messages, in order."""
        head = self._head(chat, wish)
        parts = texts(wish.get("text") or "") + await self._files(chat, wish)
        extra: Json = wish.get("extra") or {}
        if not parts and extra:
            parts = [{}]
        if not parts:
            raise SandboxError("nothing to send")
        return [head | part | extra for part in parts]

    def _head(self, chat: Chat, wish: Json) -> Json:
        head: Json = {}
        if thread_id := wish.get("thread_id"):
            if len(chat.threads) >= _MAX_THREADS:
                raise SandboxError(f"a chat has at most {_MAX_THREADS} topics")
            chat.threads.add(thread_id)
            head |= {"message_thread_id": thread_id, "is_topic_message": True}
        if reply_id := wish.get("reply_to_message_id"):
            replied = live(chat, reply_id)
            head["reply_to_message"] = self._world.reply_copy(replied)
            head |= _quote(wish.get("quote") or "", replied)
        elif wish.get("quote"):
            raise SandboxError("a quote needs the message that is replied to")
        elif thread_id:
            head["reply_to_message"] = self._beginning(chat, thread_id)
        return head

    def _beginning(self, chat: Chat, thread_id: int) -> Json:
        """Return the message that opened a topic: messages that reply to nothing reply to it."""
        return {
            "message_id": thread_id,
            "from": self._world.users[chat.members[0]],
            "chat": chat.info,
            "date": int(self._world.now()),
            "message_thread_id": thread_id,
            "is_topic_message": True,
            "forum_topic_created": {"name": f"Topic {thread_id}", "icon_color": 7_322_096},
        }

    async def _files(self, chat: Chat, wish: Json) -> list[Json]:
        """Return photos or documents, as one album if there are several."""
        photos = [self._picked(key) for key in wish.get("photos") or []]
        documents = [self._picked(key) for key in wish.get("documents") or []]
        if photos and documents:
            raise SandboxError("an album holds photos or documents, never both")
        kind = "photo" if photos else "document"
        group = _group(chat, wish.get("media_group_id"), kind, len(photos or documents))
        parts = [await self._photo(file) for file in photos]
        parts += [await self._document(file) for file in documents]
        if wish.get("spoiler"):
            parts = [part | {"has_media_spoiler": True} for part in parts if "photo" in part]
        written = caption(wish.get("caption") or "")
        if parts:
            parts[0] |= written
        elif written:
            raise SandboxError("a caption needs a file")
        return [group | part for part in parts]

    async def _photo(self, file: StoredFile) -> Json:
        try:
            photo = await self._world.files.keep_photo(file.path, SENT_SIDES)
        except PictureRefusedError as refused:
            raise SandboxError(f"{file.name} cannot be sent as a photo: {refused}") from None
        return {"photo": photo.message_part()}

    async def _document(self, file: StoredFile) -> Json:
        document = await self._world.files.keep_document(file.path, file.name)
        return {"document": document.message_part()}

    def _picked(self, key: Any) -> StoredFile:
        file = self._world.files.find(key) if isinstance(key, str) else None
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
