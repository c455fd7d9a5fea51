"""A pleasant way to be the people of a sandbox: the control interface as an async client.

async with open_sandbox() as (sandbox, control):
    anna = await control.make_user("Anna")
    await control.say(anna, "/start")
    reply = await control.wait_message(anna.id)
    await control.press(anna, reply, "menu:create")
"""

import asyncio
import io
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

import httpx
from PIL import Image

from imgbot.sandbox.server import Sandbox

Json = dict[str, Any]

WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Person:
    """Someone in the sandbox; the private chat has the same id."""

    id: int
    first_name: str
    raw: Json


@dataclass(frozen=True, slots=True)
class Message:
    """A message as the control interface shows it."""

    raw: Json

    @property
    def id(self) -> int:
        return self.raw["message_id"]

    @property
    def chat_id(self) -> int:
        return self.raw["chat"]["id"]

    @property
    def text(self) -> str:
        """The text or the caption."""
        return self.raw.get("text") or self.raw.get("caption") or ""

    @property
    def is_outgoing(self) -> bool:
        """Whether the bot sent it."""
        return self.raw["outgoing"]

    @property
    def is_deleted(self) -> bool:
        return self.raw["deleted"]

    @property
    def edits(self) -> int:
        return self.raw["edits"]

    @property
    def reactions(self) -> list[str]:
        return self.raw["reactions"]

    @property
    def photo_id(self) -> str | None:
        """The handle of the largest size, if the message is a photo."""
        return self.raw["photo"][-1]["file_id"] if "photo" in self.raw else None

    @property
    def document_id(self) -> str | None:
        return self.raw["document"]["file_id"] if "document" in self.raw else None

    @property
    def buttons(self) -> list[Json]:
        """All inline buttons, row after row."""
        rows = self.raw.get("reply_markup", {}).get("inline_keyboard", [])
        return [button for row in rows for button in row]

    def button(self, text: str) -> Json:
        """The first button whose label contains `text`."""
        for button in self.buttons:
            if text in button["text"]:
                return button
        raise AssertionError(f"no button {text!r} among {[b['text'] for b in self.buttons]}")


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the stream."""

    seq: int
    type: str
    raw: Json

    @property
    def chat_id(self) -> int | None:
        return self.raw.get("chat_id")

    @property
    def message(self) -> Message:
        """The message of a `message` or `edit` event."""
        return Message(self.raw["message"])


class Control:
    """All that people and watchers can do in one sandbox."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.AsyncClient(
            base_url=f"{url}/control", timeout=httpx.Timeout(30.0), trust_env=False, verify=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def make_user(
        self, first_name: str = "Anna", *, username: str = "", language_code: str = "en"
    ) -> Person:
        raw = await self.post(
            "users",
            {"first_name": first_name, "username": username, "language_code": language_code},
        )
        return Person(raw["id"], first_name, raw)

    async def make_group(
        self, title: str, members: Sequence[Person], *, is_forum: bool = False
    ) -> int:
        """A supergroup with the bot in it; returns its id."""
        ids = [person.id for person in members]
        raw = await self.post("chats", {"title": title, "members": ids, "is_forum": is_forum})
        return raw["id"]

    async def send(
        self, person: Person, *, chat_id: int | None = None, **fields: Any
    ) -> list[Message]:
        """Anything a person sends: the fields are those of the control call."""
        path = f"chats/{chat_id or person.id}/messages"
        answer = await self.post(path, {"user_id": person.id} | fields)
        return [Message(raw) for raw in answer["messages"]]

    async def say(
        self, person: Person, text: str, *, chat_id: int | None = None, reply_to: int | None = None
    ) -> Message:
        sent = await self.send(person, chat_id=chat_id, text=text, reply_to_message_id=reply_to)
        return sent[-1]

    async def send_photos(
        self,
        person: Person,
        pictures: Sequence[bytes],
        *,
        caption: str = "",
        chat_id: int | None = None,
        reply_to: int | None = None,
    ) -> list[Message]:
        """One photo, or an album of several."""
        keys = [await self.upload(picture, f"photo-{i}.jpg") for i, picture in enumerate(pictures)]
        return await self.send(
            person, chat_id=chat_id, photos=keys, caption=caption, reply_to_message_id=reply_to
        )

    async def send_documents(
        self,
        person: Person,
        files: Sequence[tuple[str, bytes]],
        *,
        caption: str = "",
        chat_id: int | None = None,
    ) -> list[Message]:
        """One file or several, each a name and its bytes, kept as they are."""
        keys = [await self.upload(content, name) for name, content in files]
        return await self.send(person, chat_id=chat_id, documents=keys, caption=caption)

    async def upload(self, content: bytes, name: str) -> str:
        """Pick a file to send later; returns its key."""
        answer = await self._http.post("files", params={"name": name}, content=content)
        return _checked(answer)["key"]

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
        _checked(await self._http.delete(path))

    async def block(self, person: Person, *, blocked: bool = True) -> None:
        await self.post(f"chats/{person.id}/block", {"user_id": person.id, "blocked": blocked})

    async def push_update(self, update: Json) -> int:
        """Queue any JSON as an update; returns its id."""
        return (await self.post("updates", update))["update_id"]

    async def messages(self, chat_id: int, *, after: int = 0) -> list[Message]:
        answer = await self.get(f"chats/{chat_id}/messages", after=after)
        return [Message(raw) for raw in answer["messages"]]

    async def message(self, chat_id: int, message_id: int) -> Message:
        """The message as it stands now."""
        return (await self.messages(chat_id, after=message_id - 1))[0]

    async def state(self) -> Json:
        return await self.get("state")

    async def file(self, handle: str) -> bytes:
        answer = await self._http.get(f"files/{handle}")
        answer.raise_for_status()
        return answer.content

    async def fault(self, method: str, kind: str, *, times: int = 1, **fields: Any) -> None:
        """Script the next calls of `method`; see the docstring of imgbot/sandbox/control.py."""
        await self.post("faults", {"method": method, "kind": kind, "times": times} | fields)

    async def clear_faults(self) -> None:
        _checked(await self._http.delete("faults"))

    async def calls(self) -> Json:
        """`calls`, `counts` and `violations`."""
        return await self.get("calls")

    async def set_flood(self, *, on: bool) -> None:
        await self.post("settings", {"flood": on})

    async def provider(self) -> Json:
        """`tasks`, `ledger` and `settings` of the simulated provider."""
        return await self.get("provider")

    async def set_provider(self, **settings: Any) -> Json:
        return await self.post("provider", settings)

    @asynccontextmanager
    async def watch(self, *, after: int | None = None) -> AsyncGenerator[AsyncIterator[Event]]:
        """Events from now on, or after a `seq`; the connection closes with the block."""
        params = {} if after is None else {"after": after}
        async with self._http.stream(
            "GET", "events", params=params, timeout=httpx.Timeout(30.0, read=None)
        ) as answer:
            answer.raise_for_status()
            lines = answer.aiter_lines()
            await anext(lines)
            yield _events(lines)

    async def wait_for(
        self,
        predicate: Callable[[Event], bool],
        timeout_s: float = WAIT_S,
        *,
        after: int = 0,
    ) -> Event:
        """The first event that fits, of those after `after` (all that are kept) or to come."""
        seen: list[str] = []
        try:
            async with asyncio.timeout(timeout_s), self.watch(after=after) as events:
                async for event in events:
                    if predicate(event):
                        return event
                    seen.append(json.dumps(event.raw, ensure_ascii=False)[:300])
        except TimeoutError:
            tail = "\n".join(seen[-15:])
            raise AssertionError(
                f"no such event within {timeout_s} s; the last were:\n{tail}"
            ) from None
        raise AssertionError("the sandbox ended the stream")

    async def wait_message(
        self,
        chat_id: int,
        predicate: Callable[[Message], bool] = lambda message: True,
        timeout_s: float = WAIT_S,
        *,
        after: int = 0,
    ) -> Message:
        """The first state of a message of the bot that fits, new or edited, after event `after`."""

        def fits(event: Event) -> bool:
            is_state = event.type in {"message", "edit"} and event.chat_id == chat_id
            return is_state and event.message.is_outgoing and predicate(event.message)

        return (await self.wait_for(fits, timeout_s, after=after)).message

    async def wait_call(
        self, method: str, timeout_s: float = WAIT_S, *, after: int = 0, ok: bool = True
    ) -> Event:
        """The first call of `method` that went as said."""
        return await self.wait_for(
            lambda event: (
                event.type == "call" and event.raw["method"] == method and event.raw["ok"] == ok
            ),
            timeout_s,
            after=after,
        )

    async def last_seq(self) -> int:
        """The number of the last event, to wait for what comes after it."""
        return (await self.state())["seq"]

    async def get(self, path: str, **params: Any) -> Json:
        return _checked(await self._http.get(path, params=params))

    async def post(self, path: str, fields: Json) -> Json:
        given = {name: value for name, value in fields.items() if value is not None}
        return _checked(await self._http.post(path, json=given))


def _checked(answer: httpx.Response) -> Json:
    if answer.status_code != 200:
        raise AssertionError(f"{answer.request.url} {answer.status_code}: {answer.text[:500]}")
    return answer.json()


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[Event]:
    async for line in lines:
        if line.startswith("data: "):
            raw = json.loads(line.removeprefix("data: "))
            yield Event(raw["seq"], raw["type"], raw)


@asynccontextmanager
async def open_sandbox(**options: Any) -> AsyncGenerator[tuple[Sandbox, Control]]:
    """A sandbox in this process and a client of it; the options are those of `Sandbox`."""
    async with Sandbox(**options) as sandbox, Control(sandbox.url) as control:
        yield sandbox, control


class Clock:
    """A clock for the sandbox that tests move forward by hand."""

    def __init__(self) -> None:
        self.offset_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.offset_s


def picture(
    width: int = 640, height: int = 480, *, kind: str = "JPEG", color: str = "teal"
) -> bytes:
    """A small real picture."""
    buffer = io.BytesIO()
    image = Image.new("RGB", (width, height), color)
    image.paste("white", (width // 4, height // 4, width // 2, height // 2))
    image.save(buffer, kind)
    return buffer.getvalue()
