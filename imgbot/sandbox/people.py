"""What people do: write, send pictures, press buttons, change and delete, block the bot."""

import re
import secrets
from typing import Any

from imgbot.sandbox.entities import covered, with_found
from imgbot.sandbox.files import StoredFile
from imgbot.sandbox.markup import utf16_length
from imgbot.sandbox.pictures import SENT_SIDES, PictureRefusedError
from imgbot.sandbox.updates import CALLBACK_LIFETIME_S
from imgbot.sandbox.world import Chat, Json, Post, Query, World, WorldError

_TEXT_LIMIT = 4096
_CAPTION_LIMIT = 1024
_MOST_IN_ALBUM = 10
_LONGEST_TEXT = 100_000
_MOST_THREADS = 1_000


class People:
    """Acts for the people of one world, and lets the bot know what it may know."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def send(self, chat: Chat, user_id: int, wish: Json) -> list[Post]:
        """What a person sends at once: texts, photos, documents, or anything raw."""
        user = self._member(chat, user_id)
        if chat.is_blocked:
            raise WorldError("who blocks the bot cannot write to it")
        head = self._head(chat, wish)
        parts = _texts(wish.get("text") or "") + await self._files(wish)
        extra: Json = wish.get("extra") or {}
        if not parts and extra:
            parts = [{}]
        if not parts:
            raise WorldError("nothing to send")
        chat.is_started = True
        posts = [self._world.add_post(chat, user, head | part | extra) for part in parts]
        for post in posts:
            self._tell(chat, "message", post)
        return posts

    def edit(self, chat: Chat, message_id: int, text: str) -> Post:
        post = self._live(chat, message_id)
        if post.is_outgoing:
            raise WorldError("people edit only what they wrote")
        texts = _texts(text)
        if "text" in post.message and len(texts) != 1:
            raise WorldError(f"a text has 1 to {_TEXT_LIMIT} characters")
        part = texts[0] if "text" in post.message else _caption(text)
        media = {k: post.message[k] for k in ("photo", "document") if k in post.message}
        self._world.change_post(chat, post, media | part)
        self._tell(chat, "edited_message", post)
        return post

    def press(self, chat: Chat, user_id: int, message_id: int, data: str) -> str:
        """A button is pressed; its data may well be forged."""
        query_id = str(10**18 + secrets.randbelow(9 * 10**18))
        post = chat.live(message_id)
        message = post.message if post else {"message_id": message_id, "date": 0, "chat": chat.info}
        self._world.add_query(query_id, Query(user_id, chat.id, self._world.now()))
        self._world.updates.add(
            "callback_query",
            {
                "id": query_id,
                "from": self._member(chat, user_id),
                "message": message,
                "chat_instance": str(abs(chat.id)),
                "data": data,
            },
            CALLBACK_LIFETIME_S,
        )
        return query_id

    def delete(self, chat: Chat, message_id: int) -> None:
        """Nothing is told to the bot: Telegram tells nothing, either."""
        self._world.delete_post(chat, self._live(chat, message_id))

    def block(self, chat: Chat, user_id: int, *, is_blocked: bool) -> None:
        user = self._member(chat, user_id)
        if not chat.is_private:
            raise WorldError("a bot is blocked in its private chat")
        if chat.is_blocked == is_blocked:
            return
        chat.is_blocked = is_blocked
        member: Json = {"status": "member"}
        kicked: Json = {"status": "kicked", "until_date": 0}
        old, new = (member, kicked) if is_blocked else (kicked, member)
        self._tell_membership(chat, user, old, new)

    def found_group(self, title: str, members: list[int], *, is_forum: bool) -> Chat:
        """A supergroup of some people and the bot, which is told that it was let in."""
        if not members or not self._world.users.keys() >= set(members):
            raise WorldError("members must be the ids of people")
        chat = self._world.add_group(title, members, is_forum=is_forum)
        founder = self._world.users[members[0]]
        self._tell_membership(chat, founder, {"status": "left"}, {"status": "member"})
        return chat

    def _tell_membership(self, chat: Chat, user: Json, old: Json, new: Json) -> None:
        self._world.updates.add(
            "my_chat_member",
            {
                "chat": chat.info,
                "from": user,
                "date": int(self._world.now()),
                "old_chat_member": {"user": self._world.bot} | old,
                "new_chat_member": {"user": self._world.bot} | new,
            },
        )

    def _tell(self, chat: Chat, kind: str, post: Post) -> None:
        if chat.is_private or self._is_for_bot(post):
            self._world.updates.add(kind, post.message)

    def _is_for_bot(self, post: Post) -> bool:
        """Privacy mode: in groups the bot gets commands, replies to it and mentions of it."""
        message = post.message
        replied = message.get("reply_to_message")
        if replied and replied["from"]["id"] == self._world.bot["id"]:
            return True
        name = "@" + self._world.bot["username"].lower()
        text = message.get("text") or message.get("caption") or ""
        for entity in message.get("entities") or message.get("caption_entities") or []:
            part = covered(text, entity).lower()
            if entity["type"] == "mention" and part == name:
                return True
            if entity["type"] == "bot_command" and ("@" not in part or part.endswith(name)):
                return True
        return False

    def _head(self, chat: Chat, wish: Json) -> Json:
        head: Json = {}
        if thread_id := wish.get("thread_id"):
            if len(chat.threads) >= _MOST_THREADS:
                raise WorldError(f"a chat has at most {_MOST_THREADS} topics")
            chat.threads.add(thread_id)
            head |= {"message_thread_id": thread_id, "is_topic_message": True}
        if reply_id := wish.get("reply_to_message_id"):
            head["reply_to_message"] = self._world.reply_copy(self._live(chat, reply_id))
        return head

    async def _files(self, wish: Json) -> list[Json]:
        """Photos and documents, as the messages of one album if there are several."""
        photos = [self._picked(key) for key in wish.get("photos") or []]
        documents = [self._picked(key) for key in wish.get("documents") or []]
        if len(photos) > _MOST_IN_ALBUM or len(documents) > _MOST_IN_ALBUM:
            raise WorldError(f"an album holds at most {_MOST_IN_ALBUM} files")
        albums = [[await self._photo(file) for file in photos]]
        albums.append([await self._document(file) for file in documents])
        caption = _caption(wish.get("caption") or "")
        parts: list[Json] = []
        for album in albums:
            if len(album) > 1:
                group = {"media_group_id": str(10**16 + secrets.randbelow(10**16))}
                album[:] = [group | part for part in album]
            parts += album
        if parts:
            parts[0] = parts[0] | caption
        elif caption:
            raise WorldError("a caption needs a file")
        return parts

    async def _photo(self, file: StoredFile) -> Json:
        try:
            photo = await self._world.files.keep_photo(file.path, SENT_SIDES)
        except PictureRefusedError as refused:
            raise WorldError(f"{file.name} cannot be sent as a photo: {refused}") from None
        return {"photo": photo.message_part()}

    async def _document(self, file: StoredFile) -> Json:
        document = await self._world.files.keep_document(file.path, file.name)
        return {"document": document.message_part()}

    def _picked(self, key: Any) -> StoredFile:
        file = self._world.files.find(key) if isinstance(key, str) else None
        if file is None:
            raise WorldError(f"no file has the key {key}")
        return file

    def _member(self, chat: Chat, user_id: int) -> Json:
        if user_id not in chat.members:
            raise WorldError(f"user {user_id} is not in chat {chat.id}")
        return self._world.users[user_id]

    @staticmethod
    def _live(chat: Chat, message_id: int) -> Post:
        post = chat.live(message_id)
        if post is None:
            raise WorldError(f"no message {message_id} in chat {chat.id}")
        return post


def _texts(text: str) -> list[Json]:
    """A text as the messages that a client makes of it: a long one goes out in several."""
    if len(text) > _LONGEST_TEXT:
        raise WorldError(f"a text has at most {_LONGEST_TEXT} characters")
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
    """As much of the text as one message holds, cut between words where that is near."""
    if utf16_length(text) <= _TEXT_LIMIT:
        return text
    piece = text[:_TEXT_LIMIT]
    while utf16_length(piece) > _TEXT_LIMIT:
        piece = piece[:-1]
    spaces = [match.start() for match in re.finditer(r"\s", piece)]
    return piece[: spaces[-1]] if spaces and spaces[-1] > _TEXT_LIMIT // 2 else piece


def _caption(text: str) -> Json:
    if utf16_length(text) > _CAPTION_LIMIT:
        raise WorldError(f"a caption has at most {_CAPTION_LIMIT} characters")
    part: Json = {"caption": text} if text else {}
    if entities := with_found(text, []):
        part["caption_entities"] = entities
    return part
