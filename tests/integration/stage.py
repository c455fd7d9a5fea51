"""A bot on a sandbox, and its users as tests play them."""

import io
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imgbot.domain.texts import LANGUAGES
from imgbot.features.people.access import BAN
from imgbot.sandbox.server import Sandbox
from imgbot.storage import keys
from tests.fixtures.bot import SOON, Bot, Constants, with_simulated_provider
from tests.fixtures.hostile import answers_to, said_by_bot
from tests.fixtures.photos import load_photo
from tests.fixtures.sandbox import (
    READY_NOTICES,
    Control,
    Message,
    Person,
    finish_tasks,
    open_sandbox,
)
from tests.fixtures.waiting import eventually

BOT_NAME = "@imgbot_sandbox_bot"
# The sandbox counts its users from this.
OWNER_ID, SECOND_ID, GUEST_ID = 5_000_000_001, 5_000_000_002, 5_000_000_003

# Users of the tests write faster than people do, and need not wait for a second per message.
# Telegram's limits are the subject of other tests: `unit/test_rate_limits`, `crash`.
# And a picture for a chat that is gone for good ends within seconds, while a mention in another
# chat may be read late on a busy machine.
_UNCROWDED: Constants = {
    "imgbot.telegram.rate_limiter._PRIVATE_BURST": 1000,
    "imgbot.domain.retry.DELIVERY_ATTEMPTS": 3,
    "imgbot.features.guest.handlers._OPEN_S": 50,
    # Most tests compare whole captions.
    "imgbot.features.tips._AFTER": {},
}

OUT_OF_REACH = 987_654
"""Id of a message that Telegram no longer shows: its buttons may be any."""

_OF_ALL_USERS = (
    *(keys.SPEND, keys.ENDED, keys.ENDED_JOBS, keys.NOT_UNDERSTOOD, keys.DEAD),
    *(keys.PAUSED, keys.BANNED, BAN, keys.ALLOWED),
)
"""Keys, and beginnings of keys, by which a test would see what others have done."""

UNDISTURBED = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("undisturbed"),
]
"""Marks of a module whose tests share the bot with the simulated provider, and leave it well."""

Fits = Callable[[Message], object]


def is_new(message: Message) -> bool:
    """Any message but the one that follows a picture after a long wait."""
    return message.text not in READY_NOTICES


def is_picture(message: Message) -> bool:
    return bool(message.photo_id or message.document_id)


def has_buttons(message: Message) -> bool:
    return bool(message.buttons)


@dataclass(frozen=True, slots=True)
class Stage:
    """A sandbox, its control, and the bot on it."""

    bot: Bot
    control: Control
    sandbox: Sandbox

    async def begin(self) -> None:
        """End and forget what earlier tests have left: the bot is shared, their users are not."""
        if self.bot.ended_as_asked:
            # By a test that failed then, and need not make others fail.
            await self.bot.start()
        await self.control.clear_faults()
        async with self.bot.redis() as redis:

            async def is_at_rest() -> bool:
                self.finish_tasks()
                return not await redis.keys(f"{keys.JOB}*")

            await eventually(is_at_rest, what="earlier jobs end")
            found = [key for name in _OF_ALL_USERS for key in await redis.keys(f"{name}*")]
            await redis.delete("", *found)

    def finish_tasks(self) -> None:
        """Let the simulated provider be ready with all that it makes."""
        finish_tasks(self.sandbox)

    async def user(self, name: str = "Bob", *, language: str = "en", username: str = "") -> "User":
        """A new user, who has sent nothing so far."""
        person = await self.control.make_user(name, username=username, language_code=language)
        return User(self, person, person.id)

    async def orders(self) -> list[str]:
        """Operation and prompt of each order at the simulated provider."""
        tasks = (await self.control.provider())["tasks"]
        return [f"{task['operation']} {task['words']}".strip() for task in tasks]

    async def charges(self) -> int:
        """The number of pictures that the simulated provider has charged."""
        return len((await self.control.provider())["ledger"])

    @property
    def owner(self) -> "User":
        """The administrator of a stage that was opened with one."""
        return User(self, Person(OWNER_ID, "Owner", {}), OWNER_ID)


@dataclass(frozen=True, slots=True)
class User:
    """A user in one chat: what they send there, and what the bot answers."""

    stage: Stage
    person: Person
    chat_id: int

    @property
    def id(self) -> int:
        return self.person.id

    @property
    def label(self) -> str:
        """The user as administrators see one without an @name."""
        return f"{self.person.first_name} ({self.id})"

    @property
    def control(self) -> Control:
        return self.stage.control

    def within(self, chat_id: int) -> "User":
        """The same user in another chat."""
        return User(self.stage, self.person, chat_id)

    async def say(self, text: str, **fields: Any) -> Message:
        return await self.control.say(self.person, text, chat_id=self.chat_id, **fields)

    async def photos(self, *photos: bytes, **fields: Any) -> list[Message]:
        """One photo, or an album; `fields`: caption, reply_to, …"""
        return await self.control.send_photos(self.person, photos, chat_id=self.chat_id, **fields)

    async def files(self, *files: tuple[str, bytes], **fields: Any) -> list[Message]:
        return await self.control.send_documents(self.person, files, chat_id=self.chat_id, **fields)

    async def send(self, **fields: Any) -> Message:
        """Anything else, as the sandbox's control takes it."""
        return (await self.control.send(self.person, chat_id=self.chat_id, **fields))[0]

    async def ask(self, text: str, *photos: bytes, fits: Fits = is_new, **fields: Any) -> Message:
        """Send words, or photos with this caption; return the first answer that fits."""
        sent = self.photos(*photos, caption=text, **fields) if photos else self.say(text, **fields)
        return await self.after(sent, fits)

    async def order(self, text: str, *photos: bytes, **fields: Any) -> Message:
        """Send a request, and return its picture."""
        return await self.ask(text, *photos, fits=is_picture, **fields)

    async def convert(self, name: str, content: bytes, caption: str) -> Message:
        """Send a file with a request, and return its picture."""
        return await self.after(self.files((name, content), caption=caption), is_picture)

    async def click(self, message: Message, label: str, fits: Fits = is_new) -> Message:
        """Press a button, and return the first message after it that fits."""
        return await self.after(self.control.click(self.person, message, label), fits)

    async def press(self, message: Message, label: str) -> Message:
        """Press a button that changes its message; return that."""
        return await self.click(message, label, lambda each: each.id == message.id)

    async def unfold(self, result: Message) -> Message:
        """Open the panel of a result with the buttons that do not show at once."""
        return await self.press(result, "⋯")

    async def after(self, act: Awaitable[object], fits: Fits = is_new) -> Message:
        """Act, and return the first message of the bot after it that fits."""
        after = await self.control.last_seq()
        await act
        return await self.wait(fits, after=after)

    async def wait(self, fits: Fits = is_new, *, after: int = 0) -> Message:
        """The first message of the bot in this chat that fits, after event `after`."""
        return await self.control.wait_message(
            self.chat_id, lambda message: bool(fits(message)), after=after
        )

    async def toasts(self, message: Message | int, *data: str) -> list[str]:
        """Press buttons, forged ones too, one right after the other; return the answers."""
        return await answers_to(self.control, self.person, message, *data, chat_id=self.chat_id)

    async def press_again(self, message: Message, *data: str) -> list[str]:
        """Press buttons that this message no longer has, but a copy of it may have."""
        post = self.stage.sandbox.state.chats[self.chat_id].posts[message.id]
        rows = [[{"text": each, "callback_data": each}] for each in data]
        post.message["reply_markup"] = {"inline_keyboard": rows}
        return await self.toasts(message, *data)

    async def toast(self, message: Message, label: str) -> str:
        """Press the button with this label; return the answer that pops up."""
        return (await self.toasts(message, message.button(label)["callback_data"]))[0]

    async def heard(self, *, rests: bool = True) -> list[Message]:
        """All messages of the bot in this chat that are new, once it has handled what was sent."""
        bot = self.stage.bot
        found = await said_by_bot(bot, self.control, self.person, self.chat_id, rests=rests)
        return list(filter(is_new, found))

    async def said(self, *, rests: bool = True) -> list[str]:
        """Texts of the messages that `heard` returns."""
        return [message.text for message in await self.heard(rests=rests)]

    async def results(self) -> list[Message]:
        """The pictures in this chat."""
        found = await self.control.messages(self.chat_id)
        return [message for message in found if message.is_outgoing and is_picture(message)]

    async def image(self, message: Message) -> Image.Image:
        """The picture of a message."""
        content = await self.control.file(message.photo_id or message.document_id or "")
        return Image.open(io.BytesIO(content))


STAGES: list[Stage] = []
"""Those that are open."""


async def open_stage(
    folder: Path,
    constants: Constants | None = None,
    /,
    *,
    is_simulated: bool = True,
    **settings: str,
) -> AsyncGenerator[Stage]:
    """Yield a stage; `constants` as `Bot` has them."""
    state_dir = folder / "state"
    state_dir.mkdir()
    async with open_sandbox(flood=False) as (sandbox, control):
        if is_simulated:
            await control.set_provider(duration_s=[0.2, 0.4])
            settings = with_simulated_provider(sandbox) | settings
        bot = Bot(sandbox, state_dir, **settings)
        bot.constants = {**_UNCROWDED, **(constants or {})}
        async with bot:
            STAGES.append(stage := Stage(bot, control, sandbox))
            try:
                yield stage
            finally:
                STAGES.remove(stage)
            assert bot.is_running, bot.log[-4000:]
        assert (await control.calls())["violations"] == []
        assert bot.secrets_in_log() == []


async def open_owned(
    folder: Path,
    constants: Constants | None = None,
    /,
    *,
    is_simulated: bool = True,
    **settings: str,
) -> AsyncGenerator[Stage]:
    """The same with an administrator, its first user, who has sent /start and is told soon."""
    admins = {"IMGBOT_ADMINS": str(OWNER_ID)}
    changed = {**SOON, **(constants or {})}
    async for stage in open_stage(folder, changed, is_simulated=is_simulated, **admins, **settings):
        assert (await stage.user("Owner")).id == OWNER_ID
        await stage.owner.ask("/start")
        yield stage


async def open_group(
    stage: Stage, *, hears_all: bool = True, is_admin: bool = False, **fields: Any
) -> tuple[User, User]:
    """Two users, Ann and Bob, in a group of their own."""

    def scopes() -> list[str]:
        return [scope for scope, *_ in stage.sandbox.state.commands]

    # Which commands are ephemeral must not depend on how fast the bot has told it.
    await eventually(scopes, lambda found: found.count("all_group_chats") == len(LANGUAGES))
    ann, bob = await stage.user("Ann"), await stage.user("Bob")
    group = await stage.control.make_group("Friends", [ann.person, bob.person], **fields)
    if hears_all:
        await stage.control.set_privacy(group, on=False)
    if is_admin:
        await stage.control.promote(group)
    return ann.within(group), bob.within(group)


async def source_of(stage: Stage, result: Message) -> str:
    """Unique id of the picture that a result was made of."""
    job_id = result.buttons[-1]["callback_data"].partition(":")[2].removeprefix("open.")
    async with stage.bot.redis() as redis:
        sources = await eventually(lambda: redis.hget(f"{keys.RESULT}{job_id}", "sources"))
    [[_, unique_id, *_]] = json.loads(str(sources))
    return unique_id


def title(message: Message) -> str:
    """The first line of a caption; below it stands what was done."""
    return message.text.splitlines()[0]


def jpeg(name: str, size: tuple[int, int] | None = None) -> bytes:
    """A photo of the collection, in this size."""
    image = load_photo(name)
    return as_jpeg(image.resize(size) if size else image)


def as_jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()
