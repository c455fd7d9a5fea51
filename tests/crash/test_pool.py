"""The pool with real processes: killed, hung, cancelled, grown, resized, closed."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from imgbot.domain.errors import TransientError, WorkerLostError
from imgbot.painter import worker
from imgbot.painter.pool import BOOT_FAILURES_ALLOWED, BOOT_PAUSE_S, MIB, Pool
from tests.fakes import pool_steps
from tests.fixtures.processes import is_gone
from tests.fixtures.waiting import PATIENCE_S, eventually


@asynccontextmanager
async def running(workers: int, **options: float) -> AsyncGenerator[tuple[Pool, list[str]]]:
    """A pool, and why its workers were replaced, in order."""
    restarts = list[str]()
    settings: dict[str, Any] = {"deadline_s": PATIENCE_S, **options}
    pool = Pool(workers, on_restart=restarts.append, **settings)
    pool.start()
    try:
        yield pool, restarts
    finally:
        await pool.close(grace_s=5)


def pids_of(pool: Pool) -> list[int]:
    return [slot.pid for slot in pool.slots() if slot.pid]


async def begun(folder: Path, pattern: str, count: int) -> list[int]:
    """The pids of so many workers that said, by a file, that their step has begun."""

    async def look() -> list[int]:
        return _pids(folder, pattern)

    return await eventually(look, lambda pids: len(pids) >= count, what=f"{count} steps begin")


def _pids(folder: Path, pattern: str) -> list[int]:
    return [int(path.name.rpartition(".")[2]) for path in folder.glob(pattern)]


async def test_a_step_that_follows_another_at_once_does_not_overtake_what_waits(
    tmp_path: Path,
) -> None:
    order: list[str] = []
    gate = tmp_path / "gate"

    async def photos_of(pool: Pool, job: str, count: int) -> None:
        for _ in range(count):
            await pool.run(pool_steps.pid)
            order.append(job)

    async with running(1) as (pool, _), asyncio.TaskGroup() as group:
        group.create_task(pool.run(pool_steps.wait_for, str(gate)))
        await begun(tmp_path, "gate.*", 1)
        for job, count in (("album", 3), ("photo", 1), ("other", 1)):
            group.create_task(photos_of(pool, job, count))
        await asyncio.sleep(0)
        assert (pool.busy, pool.waiting) == (1, 3)
        gate.touch()

    assert order == ["album", "photo", "other", "album", "album"]


async def test_exceptions_come_out_as_they_are() -> None:
    async with running(1) as (pool, restarts):
        with pytest.raises(LookupError, match="no such colour"):
            await pool.run(pool_steps.fail, "no such colour")
        with pytest.raises(RuntimeError, match="TwoPartError: 3"):
            await pool.run(pool_steps.fail_oddly)
        assert await pool.run(pool_steps.pid) == pids_of(pool)[0]
        assert restarts == []


async def test_an_idle_worker_is_stopped_and_started_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(2) as (pool, restarts):
        first = await pool.run(pool_steps.pid)
        pool.stop_idle()
        assert pids_of(pool) == [first]

        monkeypatch.setattr("imgbot.painter.pool.IDLE_KEPT_S", -1.0)
        pool.stop_idle()

        assert pids_of(pool) == []
        assert await pool.run(pool_steps.pid) != first
        assert restarts == []


async def test_a_killed_worker_costs_one_step_one_repetition(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with running(3) as (pool, restarts):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(pool.run(pool_steps.wait_for, str(gate))) for _ in range(3)]
            before = await begun(tmp_path, "gate.*", 3)
            os.kill(before[0], signal.SIGKILL)
            await begun(tmp_path, "gate.*", 4)
            gate.touch()
        answers = {task.result() for task in tasks}
        assert set(before[1:]) < answers
        assert before[0] not in answers
        assert restarts == ["killed"]


async def test_a_step_that_kills_its_worker_twice_is_given_up(tmp_path: Path) -> None:
    async with running(2) as (pool, restarts):
        assert await pool.run(pool_steps.die_once, str(tmp_path / "died")) in pids_of(pool)
        assert restarts == ["killed"]
        with pytest.raises(WorkerLostError, match="dying: killed"):
            await pool.run(pool_steps.die, about="dying")
        assert restarts == ["killed"] * 3
        assert await pool.run(pool_steps.pid)


async def test_a_hung_worker_is_killed_at_its_deadline(tmp_path: Path) -> None:
    async with running(1) as (pool, restarts):
        await pool.run(pool_steps.pid)
        with pytest.raises(WorkerLostError):
            await pool.run(pool_steps.note_and_hang, str(tmp_path), deadline_s=0.3)
        assert restarts == ["hung", "hung"]
        for pid in _pids(tmp_path, "*"):
            assert is_gone(pid)
        assert await pool.run(pool_steps.pid)


async def test_the_idle_death_of_a_worker_costs_nobody_an_attempt(tmp_path: Path) -> None:
    async with running(1) as (pool, restarts):
        victim = await pool.run(pool_steps.pid)
        os.kill(victim, signal.SIGKILL)
        assert is_gone(victim)
        assert await pool.run(pool_steps.die_once, str(tmp_path / "died")) != victim
        assert restarts == ["killed", "killed"]


async def test_cancelling_kills_the_own_worker_alone(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with running(2) as (pool, restarts), asyncio.TaskGroup() as group:
        healthy = group.create_task(pool.run(pool_steps.wait_for, str(gate)))
        (kept,) = await begun(tmp_path, "gate.*", 1)
        hanging = tmp_path / "hanging"
        hanging.mkdir()
        doomed = group.create_task(pool.run(pool_steps.note_and_hang, str(hanging)))
        (lost,) = await begun(hanging, "*", 1)
        doomed.cancel()
        assert await asyncio.to_thread(is_gone, lost)
        gate.touch()
        assert await healthy == kept
        assert restarts == ["cancelled"]


@pytest.mark.parametrize(
    ("step", "size_mib", "error"),
    [
        (pool_steps.keep, 70, None),
        (pool_steps.keep_and_fail, 70, LookupError),
        (pool_steps.keep, 300, MemoryError),
    ],
    ids=["grown", "grown in a failed step", "beyond its bound"],
)
async def test_a_worker_that_has_grown_is_replaced_and_its_memory_is_bounded(
    step: Callable[[int], object], size_mib: int, error: type[Exception] | None
) -> None:
    async with running(1, worker_memory_bytes=100 * MIB) as (pool, restarts):
        with pytest.raises(error) if error else nullcontext():
            await pool.run(step, size_mib * MIB)
        assert restarts == ["memory"]
        assert await pool.run(pool_steps.pid)


async def test_a_failed_step_leaves_nothing_in_its_worker() -> None:
    async with running(1) as (pool, restarts):
        await pool.run(pool_steps.pid)
        before = pool.slots()[0].memory_bytes
        with pytest.raises(LookupError, match="broken"):
            await pool.run(pool_steps.fail_holding, 200 * MIB)
        assert pool.slots()[0].memory_bytes - before < 20 * MIB
        assert restarts == []


async def test_what_others_left_behind_fails_no_step() -> None:
    async with running(1, worker_memory_bytes=200 * MIB) as (pool, restarts):
        await pool.run(pool_steps.keep, 50 * MIB)
        assert restarts == []
        assert await pool.run(pool_steps.take, 160 * MIB) == 160 * MIB
        assert restarts == ["memory"]


async def test_resizing_while_it_runs(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with running(1) as (pool, restarts):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(pool.run(pool_steps.wait_for, str(gate))) for _ in range(3)]
            await begun(tmp_path, "gate.*", 1)
            pool.resize(3)
            pids = await begun(tmp_path, "gate.*", 3)
            assert (pool.size, pool.busy, pool.waiting) == (3, 3, 0)
            pool.resize(1)
            assert (pool.size, pool.busy) == (1, 3)
            gate.touch()
        assert {task.result() for task in tasks} == set(pids)
        assert (pool.size, pool.busy, pool.started) == (1, 0, 1)
        gone = set(pids) - set(pids_of(pool))
        assert all([await asyncio.to_thread(is_gone, pid) for pid in gone])
        assert restarts == []
    with pytest.raises(ValueError, match="at least one"):
        pool.resize(0)


async def test_closing_lets_a_step_finish_and_refuses_what_waits(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with running(1) as (pool, restarts):
        async with asyncio.TaskGroup() as group:
            first = group.create_task(pool.run(pool_steps.wait_for, str(gate)))
            (carrier,) = await begun(tmp_path, "gate.*", 1)
            refused = group.create_task(_outcome(pool.run(pool_steps.pid)))
            await asyncio.sleep(0)
            closing = group.create_task(pool.close(grace_s=10))
            assert isinstance(await refused, TransientError)
            gate.touch()
            assert await first == carrier
            await closing
        assert is_gone(carrier)
        assert isinstance(await _outcome(pool.run(pool_steps.pid)), TransientError)
        assert restarts == []


async def test_closing_kills_what_does_not_end(tmp_path: Path) -> None:
    async with running(2) as (pool, _), asyncio.TaskGroup() as group:
        task = group.create_task(_outcome(pool.run(pool_steps.note_and_hang, str(tmp_path))))
        (carrier,) = await begun(tmp_path, "*", 1)
        await pool.close(grace_s=0.1)
        # It is no fault of the step: the next start repeats it.
        assert isinstance(await task, TransientError)
        assert is_gone(carrier)
        assert pids_of(pool) == []


async def _outcome(work: Coroutine[object, object, object]) -> object:
    try:
        return await work
    except Exception as error:  # noqa: BLE001 -- the error is what is looked at
        return error


async def test_workers_that_die_before_they_serve_are_not_started_in_a_storm(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(worker, "initialize", partial(pool_steps.die_at_birth, str(tmp_path)))
    async with running(2) as (pool, restarts):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_outcome(pool.run(pool_steps.pid))) for _ in range(20)]
        errors = [task.result() for task in tasks]
        assert all(isinstance(error, TransientError) for error in errors)
        waits = [error.retry_after_s for error in errors if isinstance(error, TransientError)]
        assert all(wait and 0 < wait <= BOOT_PAUSE_S for wait in waits)
        assert (pool.started, pool.busy, restarts) == (0, 0, [])
        # Two slots may have tried at the same time when the last allowed failure came.
        assert len(_pids(tmp_path, "*")) <= BOOT_FAILURES_ALLOWED + 1


async def test_workers_ignore_what_is_meant_for_the_supervisor() -> None:
    async with running(1) as (pool, restarts):
        carrier = await pool.run(pool_steps.pid)
        for kind in (signal.SIGINT, signal.SIGTERM):
            os.kill(carrier, kind)
        assert await pool.run(pool_steps.signals_ignored) == [True, True]
        assert await pool.run(pool_steps.pid) == carrier
        assert restarts == []


_CLOSED_FOR_GOOD = """
import asyncio, os, sys
from pathlib import Path
from imgbot.painter import worker
from imgbot.painter.pool import Pool, stop_helpers

async def main(pool):
    await pool.run(worker.ping)
    await pool.close()

pool = Pool(1, on_restart=print)
pool.start()
asyncio.run(main(pool))
stop_helpers()
print(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text())
"""


def test_no_process_is_left_for_systemd_to_kill() -> None:
    command = [sys.executable, "-c", _CLOSED_FOR_GOOD]
    made = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True)

    assert made.stdout.split() == []
