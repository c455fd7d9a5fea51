"""A pleasant way to be the people of a sandbox: the control interface as an async client.

async with open_sandbox() as (sandbox, control):
    anna = await control.make_user("Anna")
    await control.say(anna, "/start")
    reply = await control.wait_message(anna.id)
    await control.press(anna, reply, "menu:create")
"""

import asyncio
import base64
import io
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from PIL import Image

from imgbot.sandbox.server import Sandbox
from tests.support.sandbox_acts import KINDS, Acts, checked
from tests.support.sandbox_views import Event, InlineAnswer, Json, Message, Person
from tests.support.waiting import PATIENCE_S

__all__ = [
    "KINDS",
    "Clock",
    "Control",
    "Event",
    "InlineAnswer",
    "Json",
    "Message",
    "Person",
    "open_sandbox",
    "picture",
]

_BELLS = ("✅ Ready!", "✅ Готово!")


class Control(Acts):
    """All that people and watchers can do in one sandbox."""

    async def messages(self, chat_id: int, *, after: int = 0) -> list[Message]:
        answer = await self.get(f"chats/{chat_id}/messages", after=after)
        return [Message(raw) for raw in answer["messages"]]

    async def message(self, chat_id: int, message_id: int) -> Message:
        """The message as it stands now."""
        return (await self.messages(chat_id, after=message_id - 1))[0]

    async def state(self) -> Json:
        return await self.get("state")

    async def file(self, handle: str) -> bytes:
        answer = await self.http.get(f"files/{handle}")
        answer.raise_for_status()
        return answer.content

    async def fault(self, method: str, kind: str, *, times: int = 1, **fields: Any) -> None:
        """Script the next calls of `method`; see the docstring of imgbot/sandbox/control.py."""
        await self.post("faults", {"method": method, "kind": kind, "times": times} | fields)

    async def clear_faults(self) -> None:
        checked(await self.http.delete("faults"))

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
        async with self.http.stream(
            "GET", "events", params=params, timeout=httpx.Timeout(30.0, read=None)
        ) as answer:
            answer.raise_for_status()
            lines = answer.aiter_lines()
            await anext(lines)
            yield _events(lines)

    async def wait_for(
        self,
        predicate: Callable[[Event], bool],
        timeout_s: float = PATIENCE_S,
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
        predicate: Callable[[Message], bool] = lambda message: message.text not in _BELLS,
        timeout_s: float = PATIENCE_S,
        *,
        after: int = 0,
    ) -> Message:
        """The first state of a message of the bot that fits, new or edited, after event `after`.

        By default any but the line that rings after a long wait: on a slow machine any picture
        may be followed by one.
        """

        def fits(event: Event) -> bool:
            is_state = event.type in {"message", "edit"} and event.chat_id == chat_id
            return is_state and event.message.is_outgoing and predicate(event.message)

        return (await self.wait_for(fits, timeout_s, after=after)).message

    async def wait_call(
        self, method: str, timeout_s: float = PATIENCE_S, *, after: int = 0, ok: bool = True
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


def seen(content: bytes) -> tuple[str, tuple[int, int]]:
    """The format and the size of a picture."""
    with Image.open(io.BytesIO(content)) as made:
        made.load()
        return made.format or "", made.size


def data_uri(content: bytes, kind: str = "jpeg") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
