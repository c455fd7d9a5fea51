"""Fixtures of integration tests: servers on loopback, and one bot for all tests of a module.

A bot's start takes seconds, its work does not.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.fixtures.bot import PAID, SOON, Bot
from tests.fixtures.bot_api import Setup, open_bot_api
from tests.fixtures.hostile import assert_undisturbed
from tests.fixtures.sandbox import Clock, Control, open_sandbox
from tests.integration.stage import (
    GUEST_ID,
    OWNER_ID,
    SECOND_ID,
    STAGES,
    Stage,
    User,
    open_group,
    open_owned,
    open_stage,
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def builtin_stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The built-in engine."""
    async for stage in open_owned(tmp_path_factory.mktemp("builtin"), is_simulated=False):
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def simulated_stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The simulated provider."""
    async for stage in open_stage(tmp_path_factory.mktemp("simulated")):
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """The simulated provider, an administrator, and the SETTINGS of the module."""
    settings = getattr(request.module, "SETTINGS", {})
    async for stage in open_owned(tmp_path_factory.mktemp("stage"), **settings):
        yield stage


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def shared_bots_begin_anew() -> None:
    """Each test finds the bots that its module shares as if it were the first."""
    for stage in tuple(STAGES):
        await stage.begin()


@pytest_asyncio.fixture(loop_scope="module")
async def bob(builtin_stage: Stage) -> User:
    """A user of the built-in engine."""
    return await builtin_stage.user("Bob")


@pytest_asyncio.fixture(loop_scope="module")
async def anna(simulated_stage: Stage) -> User:
    """A user of the simulated provider."""
    return await simulated_stage.user("Anna")


@pytest_asyncio.fixture(loop_scope="module")
async def ann(simulated_stage: Stage) -> User:
    """Another, in a group of theirs and Bob's."""
    return (await open_group(simulated_stage))[0]


@pytest_asyncio.fixture(loop_scope="module")
async def undisturbed(simulated_stage: Stage) -> AsyncIterator[None]:
    """After the test another user is answered, and no update is a dead letter."""
    yield
    await assert_undisturbed(simulated_stage.bot, simulated_stage.control)


@dataclass(frozen=True, slots=True)
class AdminStage:
    """A bot for invited users, with two administrators, who are not on the list themselves."""

    stage: Stage
    owner: User
    second: User
    guest: User


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admins(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AdminStage]:
    settings = {
        "IMGBOT_ADMINS": f"{OWNER_ID},{SECOND_ID}",
        "IMGBOT_ALLOWED_USERS": str(GUEST_ID),
        **PAID,
        "IMGBOT_DAILY_BUDGET": "100",
    }
    folder = tmp_path_factory.mktemp("admins")
    async for stage in open_stage(folder, SOON, **settings):
        owner, second = await stage.user("Owner"), await stage.user("Вторая", language="ru")
        guest = await stage.user("Guest")
        assert (owner.id, second.id, guest.id) == (OWNER_ID, SECOND_ID, GUEST_ID)
        yield AdminStage(stage, owner, second, guest)


@pytest.fixture
async def sandboxed(state_dir: Path) -> AsyncIterator[tuple[Bot, Control]]:
    """A bot that is not started yet."""
    async with open_sandbox() as (sandbox, control):
        yield Bot(sandbox, state_dir), control


@pytest.fixture
def clock() -> Clock:
    """The sandbox's clock, for a test to turn."""
    return Clock()


@pytest.fixture
async def setup(request: pytest.FixtureRequest, clock: Clock) -> AsyncGenerator[Setup]:
    """A sandbox as the module's BOT_API says, the Bot API on it, and Anna."""
    async with open_bot_api(now=clock, **getattr(request.module, "BOT_API", {})) as setup:
        yield setup
