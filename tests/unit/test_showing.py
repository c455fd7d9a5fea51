"""The end of a job as its person sees it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

import pytest
from PIL import Image

from imgbot.domain.errors import ChatGoneError, UserError
from imgbot.domain.job import InputPhoto, State, with_changes
from imgbot.domain.operations import Operation
from imgbot.domain.retry import DELIVERY_ATTEMPTS
from imgbot.jobs import captions as words, deliver as showing
from imgbot.jobs.context import StepContext
from imgbot.providers.protocol import Output
from tests.fixtures.jobs import job_of
from tests.fixtures.steps import take

JOB = job_of(
    "1",
    7,
    7,
    Operation.CREATE,
    "en",
    file=__file__,
    state=State.DELIVERING,
    outcome=State.DELIVERED,
)


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> StepContext:
    status = SimpleNamespace(
        ensure=AsyncMock(return_value=5), lock_final=Mock(return_value=asyncio.Lock())
    )
    queue = SimpleNamespace(finish=AsyncMock())
    tools = Mock(status_messages=status, queue=queue, messenger=AsyncMock(), now_ms=lambda: 0)
    return cast("StepContext", tools)


async def shown_after(tools: StepContext, *errors: Exception) -> Any:
    picture = InputPhoto("file", "unique")
    show = cast("AsyncMock", tools.messenger.edit_to_picture)
    show.side_effect = [*errors, picture]
    await take(showing.deliver, tools, JOB)
    finish = cast("AsyncMock", tools.queue.finish)
    return finish.await_args


@pytest.mark.parametrize(
    ("factor", "caption"),
    [
        (4.0, "🔍 Enlarged ×4"),
        (3.98, "🔍 Enlarged ×4"),
        (3.41, "🔍 Enlarged ×3.4, the most for this picture"),
        (2.0, "🔍 Enlarged ×2, the most for this picture"),
    ],
)
def test_a_caption_says_how_much_larger_the_picture_is(factor: float, caption: str) -> None:
    job = with_changes(JOB, operation=Operation.UPSCALE, scale=4, facts={"factor": factor})
    assert words.success_caption(job) == caption


async def test_a_result_that_cannot_be_prepared_is_sent_as_it_is(tmp_path: Path) -> None:
    async def fetch(_output: Output, target: Path) -> None:
        Image.new("L", (7000, 7000)).save(target, "WEBP", quality=1, method=0)

    async def run(work: Callable[..., Any], *args: str, about: str) -> Any:
        return work(*args)

    job = with_changes(
        JOB, operation=Operation.UPSCALE, scale=4, side_px=2000, ticket={"outputs": [{"url": "u"}]}
    )
    queue = Mock(move=AsyncMock())
    tools = Mock(queue=queue, folder=tmp_path.parent, pool=Mock(run=run), now_ms=lambda: 0)
    tools.routing.provider_of.return_value.fetch = fetch
    job = with_changes(job, id=tmp_path.name)

    await showing.render(cast("StepContext", tools), job)

    stored = queue.move.await_args.kwargs
    assert stored["file"] == str(tmp_path / "ready.webp")
    assert stored["facts"] == {"kind": "document", "factor": 3.5}
    assert stored["note"] == "result_as_is_note"
    assert (tmp_path / "result").read_bytes() == (tmp_path / "ready.webp").read_bytes()


async def test_a_picture_that_fails_for_no_known_reason_is_shown_again(tools: StepContext) -> None:
    ended = await shown_after(tools, RuntimeError("odd"), KeyError("odder"))

    assert ended.args[1] is State.DELIVERED


async def test_a_picture_is_not_shown_again_for_ever_nor_after_a_refusal(
    tools: StepContext,
) -> None:
    with pytest.raises(RuntimeError):
        await shown_after(tools, *[RuntimeError("odd")] * DELIVERY_ATTEMPTS)
    with pytest.raises(UserError):
        await shown_after(tools, UserError("result_refused"))


async def test_what_is_for_the_operator_stays_so_where_its_person_is_gone(
    tools: StepContext,
) -> None:
    cast("AsyncMock", tools.status_messages.ensure).side_effect = ChatGoneError("the chat is gone")
    job = with_changes(JOB, outcome=State.DEAD, reason="submit_unknown", intent_ms=1)

    await take(showing.deliver, tools, job)

    ended: Any = cast("AsyncMock", tools.queue.finish).await_args
    assert ended.args[1] is State.DEAD
