"""The end of a job as its person sees it."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

import pytest

from imgbot.errors import UserError
from imgbot.job import Job, Operation, Source, State
from imgbot.retry import DELIVERY_ATTEMPTS
from imgbot.runner import showing
from imgbot.runner.tools import Tools

JOB = Job(
    "1", 7, 7, Operation.CREATE, "en", file="x.jpg", state=State.DELIVERING, outcome=State.DELIVERED
)


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> Tools:
    monkeypatch.setattr(asyncio, "sleep", AsyncMock())
    status = SimpleNamespace(
        ensure=AsyncMock(return_value=5), close=Mock(return_value=asyncio.Lock())
    )
    queue = SimpleNamespace(finish=AsyncMock())
    tools = Mock(status=status, queue=queue, delivery=AsyncMock(), now_ms=lambda: 0)
    return cast("Tools", tools)


async def shown_after(tools: Tools, *errors: Exception) -> Any:
    picture = Source("file", "unique")
    show = cast("AsyncMock", tools.delivery.show)
    show.side_effect = [*errors, picture]
    await showing.deliver(tools, JOB, asyncio.Event())
    finish = cast("AsyncMock", tools.queue.finish)
    return finish.await_args


async def test_a_picture_that_fails_for_no_known_reason_is_shown_again(tools: Tools) -> None:
    ended = await shown_after(tools, RuntimeError("odd"), KeyError("odder"))

    assert ended.args[1] is State.DELIVERED


async def test_a_picture_is_not_shown_again_for_ever_nor_after_a_refusal(tools: Tools) -> None:
    with pytest.raises(RuntimeError):
        await shown_after(tools, *[RuntimeError("odd")] * DELIVERY_ATTEMPTS)
    with pytest.raises(UserError):
        await shown_after(tools, UserError("result_refused"))
