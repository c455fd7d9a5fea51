"""What the people of a sandbox do, as methods of an async client."""

from collections.abc import Sequence
from typing import Any, Self

import httpx

from tests.support.sandbox_views import InlineAnswer, Json, Message, Person

# One message of each kind that is neither text nor picture, with the fields that must be there.
_FILE: Json = {"file_id": "none", "file_unique_id": "none"}
KINDS: dict[str, Json] = {
    "video": {"video": _FILE | {"width": 640, "height": 480, "duration": 3}},
    "animation": {"animation": _FILE | {"width": 320, "height": 240, "duration": 2}},
    "voice": {"voice": _FILE | {"duration": 3}},
    "audio": {"audio": _FILE | {"duration": 180, "title": "Song"}},
    "video_note": {"video_note": _FILE | {"length": 240, "duration": 3}},
    "sticker": {
        "sticker": _FILE
        | {
            "type": "regular",
            "width": 512,
            "height": 512,
            "is_animated": False,
            "is_video": False,
            "emoji": "🦊",
        }
    },
    "poll": {
        "poll": {
            "id": "1",
            "question": "Cat or dog?",
            "options": [
                {"persistent_id": "1", "text": "Cat", "voter_count": 0},
                {"persistent_id": "2", "text": "Dog", "voter_count": 0},
            ],
            "total_voter_count": 0,
            "is_closed": False,
            "is_anonymous": True,
            "type": "regular",
            "allows_multiple_answers": False,
            "allows_revoting": True,
            "members_only": False,
        }
    },
    "contact": {"contact": {"phone_number": "+10000000000", "first_name": "Bob"}},
    "location": {"location": {"latitude": 59.94, "longitude": 30.31}},
    "dice": {"dice": {"emoji": "🎲", "value": 4}},
}


class Acts:
    """All that the people of one sandbox can do."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.AsyncClient(
            base_url=f"{url}/control", timeout=httpx.Timeout(30.0), trust_env=False, verify=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def make_user(
        self, first_name: str = "Anna", *, username: str = "", language_code: str = "en"
    ) -> Person:
        raw = await self.post(
            "users",
            {"first_name": first_name, "username": username, "language_code": language_code},
        )
        return Person(raw["id"], first_name, raw)

    async def make_group(
        self,
        title: str,
        members: Sequence[Person],
        *,
        is_forum: bool = False,
        is_basic: bool = False,
    ) -> int:
        """A supergroup (or a basic group) with the bot in it; returns its id."""
        kind = "group" if is_basic else "supergroup"
        return await self._found(title, members, kind, is_forum=is_forum)

    async def make_channel(self, title: str, members: Sequence[Person]) -> int:
        """A channel with the bot as an administrator; returns its id."""
        return await self._found(title, members, "channel")

    async def _found(
        self, title: str, members: Sequence[Person], kind: str, *, is_forum: bool = False
    ) -> int:
        ids = [person.id for person in members]
        fields = {"title": title, "members": ids, "type": kind, "is_forum": is_forum}
        return (await self.post("chats", fields))["id"]

    async def send(
        self, person: Person, *, chat_id: int | None = None, **fields: Any
    ) -> list[Message]:
        """Anything a person sends: the fields are those of the control call."""
        path = f"chats/{chat_id or person.id}/messages"
        answer = await self.post(path, {"user_id": person.id} | fields)
        return [Message(raw) for raw in answer["messages"]]

    async def say(
        self,
        person: Person,
        text: str,
        *,
        chat_id: int | None = None,
        reply_to: int | None = None,
        **fields: Any,
    ) -> Message:
        """Words; `fields` are those of the control call: quote, thread_id, anonymous, …"""
        fields |= {"text": text, "reply_to_message_id": reply_to}
        return (await self.send(person, chat_id=chat_id, **fields))[-1]

    async def send_photos(
        self,
        person: Person,
        pictures: Sequence[bytes],
        *,
        caption: str = "",
        chat_id: int | None = None,
        reply_to: int | None = None,
        **fields: Any,
    ) -> list[Message]:
        """One photo, or an album of several; `fields`: spoiler, gap_ms, thread_id, …"""
        keys = [await self.upload(picture, f"photo-{i}.jpg") for i, picture in enumerate(pictures)]
        fields |= {"photos": keys, "caption": caption, "reply_to_message_id": reply_to}
        return await self.send(person, chat_id=chat_id, **fields)

    async def send_late(self, person: Person, album: Message, picture: bytes) -> Message:
        """One more photo for an album that was sent already."""
        sent = await self.send_photos(
            person, [picture], chat_id=album.chat_id, media_group_id=album.media_group_id
        )
        return sent[0]

    async def send_kind(
        self, person: Person, kind: str, *, chat_id: int | None = None, **fields: Any
    ) -> Message:
        """A message that is neither text nor picture; the kinds are those of KINDS."""
        return (await self.send(person, chat_id=chat_id, extra=KINDS[kind] | fields))[0]

    async def forward(
        self,
        person: Person,
        messages: Sequence[Message],
        *,
        chat_id: int | None = None,
        hidden: bool = False,
    ) -> list[Message]:
        """Pass messages of one chat on; `hidden` hides who wrote them."""
        fields = {
            "user_id": person.id,
            "from_chat_id": messages[0].chat_id,
            "message_ids": [message.id for message in messages],
            "hidden": hidden,
        }
        answer = await self.post(f"chats/{chat_id or person.id}/forward", fields)
        return [Message(raw) for raw in answer["messages"]]

    async def send_documents(
        self,
        person: Person,
        files: Sequence[tuple[str, bytes]],
        *,
        caption: str = "",
        chat_id: int | None = None,
        **fields: Any,
    ) -> list[Message]:
        """One file or several, each a name and its bytes, kept as they are."""
        keys = [await self.upload(content, name) for name, content in files]
        fields |= {"documents": keys, "caption": caption}
        return await self.send(person, chat_id=chat_id, **fields)

    async def upload(self, content: bytes, name: str) -> str:
        """Pick a file to send later; returns its key."""
        answer = await self.http.post("files", params={"name": name}, content=content)
        return checked(answer)["key"]

    async def press(
        self, person: Person, message: Message | int, data: str, *, chat_id: int | None = None
    ) -> str:
        """Press a button, or forge one; returns the id of the callback query."""
        message_id = message if isinstance(message, int) else message.id
        fields = {"user_id": person.id, "message_id": message_id, "data": data}
        answer = await self.post(f"chats/{chat_id or person.id}/callbacks", fields)
        return answer["callback_query_id"]

    async def click(self, person: Person, message: Message, label: str) -> str:
        """Press the button of `message` whose label contains `label`."""
        data = message.button(label)["callback_data"]
        return await self.press(person, message, data, chat_id=message.chat_id)

    async def edit(self, person: Person, message: Message, text: str) -> Message:
        path = f"chats/{message.chat_id}/edit"
        return Message((await self.post(path, {"message_id": message.id, "text": text}))["message"])

    async def delete(self, message: Message) -> None:
        path = f"chats/{message.chat_id}/messages/{message.id}"
        checked(await self.http.delete(path))

    async def block(self, person: Person, *, blocked: bool = True) -> None:
        await self.post(f"chats/{person.id}/block", {"user_id": person.id, "blocked": blocked})

    async def set_privacy(self, group_id: int, *, on: bool) -> None:
        """In privacy mode, as from the start, the bot gets only what concerns it."""
        await self.post(f"chats/{group_id}/privacy", {"on": on})

    async def migrate(self, group_id: int) -> int:
        """Make a basic group a supergroup; returns the new id."""
        return (await self.post(f"chats/{group_id}/migrate", {}))["id"]

    async def close_chat(self, chat_id: int, reason: str = "deleted") -> None:
        """The bot can no longer reach the chat: "deleted", "kicked", "deactivated"."""
        await self.post(f"chats/{chat_id}/close", {"reason": reason})

    async def ask_inline(
        self, person: Person, query: str, *, chat_id: int | None = None, timeout_s: int = 10
    ) -> InlineAnswer:
        """Type `@bot query` and wait for what the bot offers."""
        fields = {"user_id": person.id, "query": query, "chat_id": chat_id, "timeout_s": timeout_s}
        return InlineAnswer(await self.post("inline", fields))

    async def choose_inline(self, answer: InlineAnswer, result_id: str, chat_id: int) -> Message:
        """Send one of the results into a chat, via the bot."""
        fields = {"chat_id": chat_id, "result_id": result_id}
        return Message((await self.post(f"inline/{answer.query_id}", fields))["message"])

    async def set_inline_feedback(self, *, on: bool) -> None:
        """Whether the bot gets chosen_inline_result; off from the start."""
        await self.post("settings", {"inline_feedback": on})

    async def push_update(self, update: Json) -> int:
        """Queue any JSON as an update; returns its id."""
        return (await self.post("updates", update))["update_id"]

    async def get(self, path: str, **params: Any) -> Json:
        return checked(await self.http.get(path, params=params))

    async def post(self, path: str, fields: Json) -> Json:
        given = {name: value for name, value in fields.items() if value is not None}
        return checked(await self.http.post(path, json=given))


def checked(answer: httpx.Response) -> Json:
    if answer.status_code != 200:
        raise AssertionError(f"{answer.request.url} {answer.status_code}: {answer.text[:500]}")
    return answer.json()
