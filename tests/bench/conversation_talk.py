"""One conversation: who speaks, what is done, what comes back, and what is kept of it to show."""

import io
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from tests.fixtures.photos import load_photo
from tests.fixtures.sandbox import Control, Message, Person

ANSWER_S = 15.0
PICTURE_S = 60.0


@dataclass(frozen=True, slots=True)
class Note:
    """What happened besides messages: a press and its answer, an inline query."""

    chat_id: int
    after_id: int
    text: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    """What one conversation is about, whose language it is in, and how it goes."""

    title: str
    language: str
    name: str
    play: "Callable[[Talk], Awaitable[None]]"


@dataclass(slots=True)
class Talk:
    """A person in a chat with the bot; `chat_id` is moved to speak elsewhere."""

    control: Control
    person: Person
    begun_seq: int
    chat_id: int
    mark: int = 0
    acted: float = 0.0
    notes: list[Note] = field(default_factory=list[Note])
    took_s: dict[tuple[int, int], float] = field(default_factory=dict[tuple[int, int], float])
    taken: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])

    # ---- what a person does

    async def _begin_act(self) -> None:
        self.mark = await self.control.last_seq()
        self.acted = time.monotonic()

    async def say(self, text: str, *, by: Person | None = None, **fields: Any) -> Message:
        """Words; `fields` are those of Control.say: reply_to, quote, thread_id, …"""
        await self._begin_act()
        return await self.control.say(by or self.person, text, chat_id=self.chat_id, **fields)

    async def photos(self, *pictures: bytes, caption: str = "", **fields: Any) -> list[Message]:
        """One photo, or an album."""
        await self._begin_act()
        return await self.control.send_photos(
            self.person, pictures, caption=caption, chat_id=self.chat_id, **fields
        )

    async def late(self, album: Message, picture: bytes) -> None:
        await self._begin_act()
        await self.control.send_late(self.person, album, picture)

    async def files(self, *files: tuple[str, bytes], caption: str = "") -> None:
        await self._begin_act()
        await self.control.send_documents(self.person, files, caption=caption)

    async def kind(self, kind: str) -> None:
        """Something that is neither words nor a picture."""
        await self._begin_act()
        await self.control.send_kind(self.person, kind)

    async def edit(self, message: Message, text: str) -> None:
        await self._begin_act()
        await self.control.edit(self.person, message, text)

    async def forward(self, *messages: Message) -> None:
        await self._begin_act()
        await self.control.forward(self.person, messages, chat_id=self.chat_id)

    async def press(self, message: Message, label: str, *, by: Person | None = None) -> str:
        """Press a button and return what was answered to the press."""
        who = by or self.person
        last = (await self.control.messages(message.chat_id))[-1].id
        await self._begin_act()
        query_id = await self.control.click(who, message, label)
        event = await self.control.wait_for(
            lambda event: (
                event.type == "callback_answer" and event.raw["callback_query_id"] == query_id
            ),
            ANSWER_S,
            after=self.mark,
        )
        answer = event.raw["text"] or ""
        full_label = message.button(label)["text"]
        text = f"{who.first_name} ▸ {full_label}"
        self.notes.append(Note(message.chat_id, last, text, answer))
        return answer

    async def note(self, text: str) -> None:
        """Something for the reader of the page only."""
        messages = await self.control.messages(self.chat_id)
        self.notes.append(Note(self.chat_id, messages[-1].id if messages else 0, text))

    # ---- what comes back

    async def answer(self, words: str = "") -> Message:
        """The next thing that the bot says with these words in it, since the last act."""
        found = await self.control.wait_message(
            self.chat_id, lambda m: words in m.text, ANSWER_S, after=self.mark
        )
        self._note_time(found)
        return found

    async def picture(self, words: str = "") -> Message:
        """The next picture with these words in its caption that was not taken yet."""

        def fits(message: Message) -> bool:
            is_new = (message.chat_id, message.id) not in self.taken
            return is_new and bool(message.photo_id or message.document_id)

        found = await self.control.wait_message(
            self.chat_id, lambda m: fits(m) and words in m.text, PICTURE_S, after=self.begun_seq
        )
        self.taken.add((found.chat_id, found.id))
        self._note_time(found)
        return found

    async def turned(self, message: Message) -> Message:
        """The next state of a message that is there already."""
        return await self.control.wait_message(
            message.chat_id, lambda m: m.id == message.id, ANSWER_S, after=self.mark
        )

    async def image(self, message: Message) -> Image.Image:
        content = await self.control.file(message.document_id or message.photo_id or "")
        return Image.open(io.BytesIO(content)).convert("RGB")

    async def said(self) -> list[Message]:
        """All that the bot has said here, as it stands now."""
        return [m for m in await self.control.messages(self.chat_id) if m.is_outgoing]

    def _note_time(self, message: Message) -> None:
        self.took_s[(message.chat_id, message.id)] = time.monotonic() - self.acted


def photo(name: str, box: tuple[int, int, int, int] | None = None, width_px: int = 1280) -> bytes:
    """A photograph, or a part of it, as a phone sends it."""
    image = load_photo(name)
    image = image.crop(box) if box else image
    height_px = round(image.height * width_px / image.width)
    return jpeg(image.resize((width_px, height_px), Image.Resampling.LANCZOS))


def jpeg(image: Image.Image, quality: int = 88) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def colourfulness(image: Image.Image) -> float:
    """Mean saturation, 0 to 255."""
    histogram = image.convert("HSV").getchannel("S").histogram()
    return sum(value * count for value, count in enumerate(histogram)) / sum(histogram)
