"""The watchdog and what feeds it: the progress of parts. Only the clock is a fake."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramNetworkError
from aiogram.methods import GetMe

from imgbot.ops.lifecycle import Notifier
from imgbot.painter import pool as pool_module
from imgbot.painter.pool import Pool
from imgbot.supervisor import DRAIN_S, _report
from imgbot.telegram import polling_health as contact_module, update_poller as poller_module
from imgbot.telegram.update_poller import UpdatePoller
from imgbot.telemetry.liveness import GRACE_S, most_overdue
from tests.fakes import pool_steps
from tests.fixtures.waiting import PATIENCE_S, wait_until

HOUR_S = 3600.0


class FakeClock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.module = SimpleNamespace(monotonic=lambda: self.now_s, time=lambda: self.now_s)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock()
    for module in (poller_module, contact_module):
        monkeypatch.setattr(module, "time", clock.module)
    monkeypatch.setattr(pool_module, "time", clock.module)
    return clock


def poller(call: Callable[[], Any]) -> UpdatePoller:
    async def bot(method: object, request_timeout: int) -> object:
        return await call()

    async def handle(update: object, refusal: str) -> None: ...

    ledger = AsyncMock(
        is_handled=AsyncMock(return_value=False), deferred=AsyncMock(return_value=[])
    )
    return UpdatePoller(cast("Bot", bot), handle, ledger)


async def test_a_poll_loop_whose_telegram_is_away_is_alive(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping, turns = asyncio.Event(), 0

    async def away() -> object:
        nonlocal turns
        turns += 1
        if turns == 20:
            stopping.set()
        clock.now_s += 44.0
        raise TelegramNetworkError(GetMe(), "away")

    late: list[float] = []

    async def pause(seconds: float, *events: asyncio.Event) -> None:
        clock.now_s += seconds
        late.append(updates.overdue_s)

    monkeypatch.setattr(poller_module, "sleep_or_event", pause)
    updates = poller(away)
    await updates.run(stopping, DRAIN_S)

    assert updates.contact.seconds_since_answer > 10 * GRACE_S
    assert late == [0.0] * 20


async def test_a_server_that_answers_at_once_with_nothing_is_asked_once_a_second(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stopping, begun_s, turns = asyncio.Event(), clock.now_s, 0

    async def nothing() -> list[object]:
        nonlocal turns
        turns += 1
        if turns == 20:
            stopping.set()
        return []

    async def pause(seconds: float, *events: asyncio.Event) -> None:
        clock.now_s += seconds

    monkeypatch.setattr(poller_module, "sleep_or_event", pause)
    await poller(nothing).run(stopping, DRAIN_S)

    assert clock.now_s - begun_s > 17
    assert caplog.text.count("getUpdates returns nothing new at once") == 1


async def test_a_poll_loop_that_asks_no_more_is_stuck(clock: FakeClock) -> None:
    stopping, asked = asyncio.Event(), asyncio.Event()

    async def hang() -> object:
        asked.set()
        return await asyncio.Event().wait()

    updates = poller(hang)
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        group.create_task(updates.run(stopping, DRAIN_S))
        await asked.wait()
        # The first poll after a start does not wait for updates.
        clock.now_s += 15.0 + GRACE_S
        is_late = most_overdue({"the poll loop": updates.overdue_s})
        clock.now_s += 1.0
        is_stuck = most_overdue({"the poll loop": updates.overdue_s})
        stopping.set()

    assert (is_late, is_stuck) == ("", "the poll loop should have moved 61 s ago")


async def test_a_pool_that_ends_no_step_is_overdue_until_it_does(
    clock: FakeClock, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    pool = Pool(1)
    pool.start()
    try:
        clock.now_s += HOUR_S
        idle_s = pool.overdue_s
        async with asyncio.TaskGroup() as group:
            group.create_task(pool.run(pool_steps.wait_for, str(gate)))

            await asyncio.to_thread(
                wait_until, lambda: [*tmp_path.glob("gate.*")], "the step begins"
            )
            at_first_s = pool.overdue_s
            clock.now_s += 120.0 + 30.0 + 61.0
            wedged_s = pool.overdue_s
            gate.touch()
        moved_s = pool.overdue_s
        clock.now_s += HOUR_S
        idle_again_s = pool.overdue_s
    finally:
        await pool.close()

    assert (idle_s, at_first_s, moved_s, idle_again_s) == (0.0, 0.0, 0.0, 0.0)
    assert wedged_s > GRACE_S


async def test_the_watchdog_is_fed_or_asked_to_bite(tmp_path: Path) -> None:
    still = SimpleNamespace(overdue_s=0.0, stop_idle=lambda: None)
    late = SimpleNamespace(overdue_s=90.0, stop_idle=lambda: None)
    draining = asyncio.Event()

    async def heard(pool: SimpleNamespace) -> list[str]:
        path = tmp_path / f"notify-{pool.overdue_s}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
            listening.bind(str(path))
            listening.setblocking(False)
            parts: Any = SimpleNamespace(
                updates=still, runner=still, sampler=SimpleNamespace(summary="3 running")
            )
            connections: Any = SimpleNamespace(pool=pool, draining=draining)
            notifier = Notifier({"NOTIFY_SOCKET": str(path)})
            draining.clear()
            async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
                group.create_task(_report(parts, connections, notifier))
                loop = asyncio.get_running_loop()
                said = [(await loop.sock_recv(listening, 1000)).decode() for _ in range(2)]
                draining.set()
        return said

    assert await heard(still) == ["STATUS=3 running", "WATCHDOG=1"]
    assert await heard(late) == [
        "STATUS=stuck: the worker pool should have moved 90 s ago",
        "WATCHDOG=trigger",
    ]
