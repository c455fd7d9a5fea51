"""Fixtures of integration tests: servers on loopback, and one bot for all tests of a module.

A bot's start takes seconds, its work does not.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from imgbot.sandbox.server import Sandbox
from tests.fakes.scripted_server import Script, open_script
from tests.fixtures.bot import Bot, with_simulated_provider
from tests.fixtures.hostile import assert_undisturbed, said_by_bot
from tests.fixtures.sandbox import Clock, Control, Message, Person, open_sandbox

BOT_NAME = "@imgbot_sandbox_bot"
# The sandbox counts its people from this.
OWNER_ID, SECOND_ID, GUEST_ID = 5_000_000_001, 5_000_000_002, 5_000_000_003


@dataclass(frozen=True, slots=True)
class Stage:
    """A sandbox, its control, and the bot on it."""

    bot: Bot
    control: Control
    sandbox: Sandbox


async def open_stage(folder: Path, *, is_simulated: bool, **settings: str) -> AsyncGenerator[Stage]:
    state_dir = folder / "state"
    state_dir.mkdir()
    async with open_sandbox() as (sandbox, control):
        if is_simulated:
            await control.set_provider(duration_s=[0.2, 0.4])
            settings |= with_simulated_provider(sandbox)
        async with Bot(sandbox, state_dir, **settings) as bot:
            yield Stage(bot, control, sandbox)
            assert bot.is_running, bot.log[-4000:]
        assert (await control.calls())["violations"] == []
        assert bot.secrets_in_log() == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def builtin_stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The built-in engine."""
    async for stage in open_stage(tmp_path_factory.mktemp("builtin"), is_simulated=False):
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def simulated_stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The simulated provider."""
    async for stage in open_stage(tmp_path_factory.mktemp("simulated"), is_simulated=True):
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def undisturbed(simulated_stage: Stage) -> AsyncIterator[None]:
    """After the test somebody else is answered, and no update lies aside."""
    yield
    await assert_undisturbed(simulated_stage.bot, simulated_stage.control)


async def heard(
    stage: Stage, person: Person, chat_id: int | None = None, *, rests: bool = True
) -> list[Message]:
    """All that the bot has said in a user's chat, or in another chat of theirs."""
    return await said_by_bot(stage.bot, stage.control, person, chat_id or person.id, rests=rests)


async def said(
    stage: Stage, person: Person, chat_id: int | None = None, *, rests: bool = True
) -> list[str]:
    """Texts of the messages that `heard` returns."""
    return [message.text for message in await heard(stage, person, chat_id, rests=rests)]


@dataclass(frozen=True, slots=True)
class Office:
    """A bot for invited people, with two administrators, who are not on the list themselves."""

    stage: Stage
    owner: Person
    second: Person
    guest: Person

    async def asked(self, person: Person, text: str, **fields: Any) -> Message:
        """The first answer to a private message."""
        after = await self.stage.control.last_seq()
        await self.stage.control.say(person, text, **fields)
        return await self.stage.control.wait_message(person.id, after=after)

    async def settle(self, person: Person) -> None:
        """Wait until all that somebody has sent is handled for good: a kill would repeat it."""
        await heard(self.stage, person, rests=False)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    settings = {
        "IMGBOT_ADMINS": f"{OWNER_ID},{SECOND_ID}",
        "IMGBOT_ALLOWED_USERS": str(GUEST_ID),
        "IMGBOT_PRICES": "create=0.04",
        "IMGBOT_DAILY_BUDGET": "100",
    }
    folder = tmp_path_factory.mktemp("office")
    async for stage in open_stage(folder, is_simulated=True, **settings):
        make_user = stage.control.make_user
        owner, second = await make_user("Owner"), await make_user("Вторая", language_code="ru")
        guest = await make_user("Guest")
        assert (owner.id, second.id, guest.id) == (OWNER_ID, SECOND_ID, GUEST_ID)
        yield Office(stage, owner, second, guest)


async def open_group(
    stage: Stage, *, hears_all: bool = True, **fields: Any
) -> tuple[Control, Person, Person, int]:
    """A group of two users, with its control."""
    control = stage.control
    ann, bob = await control.make_user("Ann"), await control.make_user("Bob")
    group = await control.make_group("Friends", [ann, bob], **fields)
    if hears_all:
        await control.set_privacy(group, on=False)
    return control, ann, bob, group


@pytest.fixture
def clock() -> Clock:
    """The sandbox's clock, for a test to turn."""
    return Clock()


@pytest.fixture
async def script() -> AsyncGenerator[Script]:
    async with open_script() as script:
        yield script
