"""A worker, the Redis or the bot dies: every update is answered and every picture comes once."""

import os
import signal
from pathlib import Path

from tests.crash.conftest import Sandboxed
from tests.crash.test_supervisor_killed import (
    all_pictures,
    ask_for_pictures,
    expect_one_each,
    field_is_set,
)
from tests.fixtures.bot import Bot
from tests.fixtures.photos import load_photo
from tests.fixtures.processes import children_of
from tests.fixtures.waiting import eventually


def children_named(bot: Bot, part: str) -> list[int]:
    return [pid for pid, command in children_of(bot.pid).items() if part in command]


def workers_of(bot: Bot) -> list[int]:
    """The forkserver's children."""
    servers = children_named(bot, "forkserver")
    return [pid for server in servers for pid in children_of(server)]


async def test_redis_killed_in_the_middle_of_jobs(sandboxed: Sandboxed) -> None:
    bot, control = sandboxed
    people = await ask_for_pictures(control, 4)
    await eventually(lambda: field_is_set(bot, "state", "polling"), what="a job polling")

    for pid in children_named(bot, "redis-server") + children_named(bot, "valkey-server"):
        os.kill(pid, signal.SIGKILL)
    late = await control.make_user("Late")
    await control.say(late, "a lighthouse by the sea")

    await expect_one_each(bot, control, [*people, late])


async def test_workers_killed_while_they_work(sandboxed: Sandboxed, tmp_path: Path) -> None:
    bot, control = sandboxed
    load_photo("astronaut").resize((2500, 2500)).save(tmp_path / "large.jpg")
    content = (tmp_path / "large.jpg").read_bytes()
    people = [await control.make_user(f"P{number}") for number in range(4)]
    for person in people:
        await control.send_documents(person, [("large.jpg", content)], caption="a hat")
    killed = await eventually(lambda: workers_of(bot), what="a worker")
    for pid in killed:
        os.kill(pid, signal.SIGKILL)

    await expect_one_each(bot, control, people)
    assert set(killed).isdisjoint(workers_of(bot))


async def test_drained_by_sigterm_and_gone_on_with_by_the_next_start(sandboxed: Sandboxed) -> None:
    bot, control = sandboxed
    people = await ask_for_pictures(control, 4, "a fox [[sim:slow=4]]")
    await eventually(lambda: field_is_set(bot, "ticket"), lambda found: len(found) == 4)

    status = await bot.stop()
    shown_at_stop = sum(await all_pictures(control, people))
    missed = await control.make_user("Missed")
    await control.say(missed, "a lighthouse in a storm")
    await bot.start()

    assert (status, shown_at_stop) == (0, 0)
    await expect_one_each(bot, control, [*people, missed])


async def test_resized_by_signals_without_losing_a_job(sandboxed: Sandboxed) -> None:
    bot, control = sandboxed
    people = await ask_for_pictures(control, 6)

    for size in (6, 5, 4, 3, 2, 1):
        bot.signal(signal.SIGTTIN if size == 6 else signal.SIGTTOU)
        await bot.until_logged(f"workers: {size}\n")
    resized = len(bot.log)
    bot.signal(signal.SIGTTOU)
    bot.signal(signal.SIGHUP)
    await bot.until_logged("workers: 5\n", begin=resized)

    await expect_one_each(bot, control, people)


async def test_a_second_interrupt_stops_at_once(sandboxed: Sandboxed) -> None:
    bot, control = sandboxed
    await control.fault("editMessageMedia", "delay", times=5, delay_s=20.0)
    people = await ask_for_pictures(control, 1)
    await eventually(lambda: field_is_set(bot, "state", "delivering"), what="a slow delivery")

    bot.signal(signal.SIGINT)
    await bot.until_logged("stopping: finishing")
    bot.signal(signal.SIGINT)
    status = await bot.wait()
    await control.clear_faults()
    await bot.start()

    assert status == 1
    await expect_one_each(bot, control, people)
