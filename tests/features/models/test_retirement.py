"""A model that its service switches off: administrators are told, and its successor follows."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

import pytest
import pytest_asyncio

from imgbot.domain.buttons import mark_of
from imgbot.domain.operations import Operation
from imgbot.features.models.retirement import ENDS, Retirements
from imgbot.providers.openai import shutdown_dates
from imgbot.providers.protocol import Capability, Retirement
from imgbot.storage.client import Client
from tests.fixtures.bot import with_terms
from tests.fixtures.sandbox import Message
from tests.fixtures.waiting import eventually
from tests.integration.stage import Stage, open_owned

SOON_DAY = datetime.now(UTC).date() + timedelta(days=10)
MODEL = """
[[models]]
operations = ["create"]
id = "ours/{name}"
title = "{title}"
price_usd = {price}
retires = {day}
successor = "{successor}"
body = {{ operation = "create", model = "{{model}}", words = "{{prompt}}", client_id = "{{job}}" }}
"""
FIRST = MODEL.format(name="first", title="First", price=0.03, day=SOON_DAY, successor="simulated")
OLD = MODEL.format(name="old", title="Old", price=0.03, day="2026-01-01", successor="ours/first")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One model ended, and the one in its place will, with a successor that is dearer."""
    folder = tmp_path_factory.mktemp("retirement")
    file = with_terms(folder, "price_limit_usd = 1\n" + OLD + FIRST)
    async for stage in open_owned(folder, IMGBOT_PROVIDER=file, IMGBOT_PER_USER="usd=9"):
        await stage.control.set_provider(duration_s=[0, 0])
        yield stage


def _is_notice(message: Message) -> bool:
    return "switches off" in message.text


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_a_dearer_successor_follows_once_an_administrator_says_so(stage: Stage) -> None:
    bob, owner = await stage.user("Bob"), stage.owner
    notice = await owner.wait(_is_notice)
    async with stage.bot.redis() as redis:
        await eventually(lambda: redis.hget(ENDS, "ours/first"), lambda day: day == f"{SOON_DAY}")
    await stage.bot.kill()
    await stage.bot.start()
    result = await bob.order("a red fox")
    receipt = await bob.click(await bob.unfold(result), "ℹ️")
    await owner.press(notice, "Use Sketch")
    await bob.order("a blue fox")
    tasks = stage.sandbox.providers["simulated"].ledger.tasks

    assert notice.text == (
        f"🟡 simulated switches off the model First on {SOON_DAY}.\n"
        "Sketch can make its pictures, but costs more: $0.04 each instead of $0.03. It does so "
        "only if you press the button. Without that, requests for First will be refused from "
        "then on, at no charge."
    )
    assert "It took the place of Old, which its service switches off on 2026-01-01" in receipt.text
    assert [task.input.get("model", "") for task in tasks] == ["ours/first", ""]
    assert len([each for each in await owner.heard(rests=False) if _is_notice(each)]) == 0


@pytest.mark.parametrize(
    "content",
    [None, [], {"data": 7}, {"data": [None, {"id": "a"}, {"id": "a", "shutdown_date": 3}]}],
)
def test_a_list_of_models_without_days_tells_of_no_end(content: object) -> None:
    assert shutdown_dates(content) == {}


def test_the_day_of_a_list_of_models_is_read() -> None:
    listed = [{"id": "a", "shutdown_date": "2026-12-01"}, {"id": "b", "shutdown_date": None}]

    assert {k: f"{v}" for k, v in shutdown_dates({"data": listed}).items()} == {"a": "2026-12-01"}


async def test_what_one_administrator_agrees_to_stays_while_others_are_told(redis: Client) -> None:
    old, new = Capability("old", 100, title="Old"), Capability("new", 200, title="New")
    end = Retirement(SOON_DAY, (Operation.CREATE,), old, new)
    provider = AsyncMock(retirements=(end,), renew=Mock())
    provider.name = "ours"
    routes = SimpleNamespace(providers=[provider], models=Mock(return_value={"old": old}))
    users = AsyncMock(profile=AsyncMock(return_value=SimpleNamespace(language="en")))
    dialogue: Any = SimpleNamespace(t=Mock(return_value=""), edit=AsyncMock())
    told = AsyncMock()
    parts = cast("Any", routes), redis, told, users, [1, 2]
    ends = Retirements(*parts, lambda: int(datetime.now(UTC).timestamp() * 1000))

    async def press(*_: object) -> None:
        await ends.on_press(cast("Any", None), mark_of("old"), dialogue)

    told.send_text.side_effect = press

    await ends.look()

    assert await redis.hget(ENDS, "old") == "agreed"
