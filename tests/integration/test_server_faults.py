"""Faults of the machine, or of its setup, while the bot runs: each named, with what ends it.

It serves on and says in /healthz and in its log what is wrong.
"""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from imgbot.sandbox.server import Sandbox
from tests.fixtures.bot import SOON, Bot
from tests.fixtures.commands import run_doctor
from tests.fixtures.sandbox import Clock, Control, open_sandbox
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.slow

Stage = tuple[Sandbox, Control, Bot]


@pytest.fixture
async def stage(state_dir: Path, clock: Clock) -> AsyncIterator[Stage]:
    async with open_sandbox(now=clock) as (sandbox, control):
        bot = Bot(sandbox, state_dir)
        bot.constants = SOON
        yield sandbox, control, bot


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({"kind": "delay", "delay_s": 8.0}, "has not answered since startup"),
        (
            {"kind": "gateway", "error_code": 502},
            "is not usable yet (unreadable response to getMe)",
        ),
    ],
    ids=["silent", "gateway"],
)
async def test_a_telegram_that_does_not_serve_at_the_start_is_seen(
    stage: Stage, fault: dict[str, Any], named: str
) -> None:
    _, control, bot = stage
    await control.fault("getMe", times=1000, **fault)
    await bot.launch()

    async def seen() -> tuple[str, str]:
        try:
            document = json.loads(await bot.get("/status.json"))
            return (await bot.health())["telegram"], document["checks"]["telegram"]
        except (httpx.HTTPError, ValueError):
            return "", ""

    try:
        await eventually(seen, lambda found: found == (named, named))
        await control.clear_faults()
        await expect_service(control)
    finally:
        await bot.stop()


async def expect_service(control: Control) -> None:
    person = await control.make_user("Ann")
    await control.say(person, "/start")
    await control.wait_message(person.id)


async def test_a_token_refused_once_is_asked_about_before_it_counts_as_revoked(
    stage: Stage,
) -> None:
    _, control, bot = stage
    refusal = {"error_code": 401, "description": "Unauthorized"}
    person = await control.make_user("Ann")
    async with bot:
        for method in ("getMe", "getUpdates", "sendMessage", "editMessageMedia"):
            await control.fault(method, "error", times=2, **refusal)
        await control.say(person, "a fox")
        await control.wait_message(person.id, lambda m: bool(m.photo_id))

        for method in ("getMe", "getUpdates"):
            await control.fault(method, "error", times=1000, **refusal)
        assert await bot.wait() == 78
    assert "IMGBOT_TOKEN" in bot.log


async def test_a_second_service_on_the_same_token_elsewhere(stage: Stage, clock: Clock) -> None:
    sandbox, control, bot = stage
    clock.offset_s = -86_400
    owner = await control.make_user("Owner")
    await control.say(owner, "/start")
    bot.settings["IMGBOT_ADMINS"] = str(owner.id)

    async def poll_for_ever() -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            while True:
                url = f"{sandbox.url}/bot{sandbox.token}/getUpdates"
                await client.post(url, json={"timeout": 1})

    async with bot, asyncio.TaskGroup() as group:
        other = group.create_task(poll_for_ever())
        seen = await eventually(bot.health, lambda checks: checks["telegram"])
        # Between two interruptions the bot does get answers.
        await eventually(
            lambda: run_doctor(bot.environ),
            lambda report: {"service", "second poller"} <= set(report.wrong),
        )
        told = await control.wait_message(owner.id, lambda m: m.text.startswith("🔴"))
        other.cancel()
        await expect_service(control)

    assert "ahead of" in seen["clock"]
    assert "another program polls with this token" in seen["telegram"]
    assert "/revoke" in bot.log
    assert "Another program is using this bot's token" in told.text


async def test_a_wrong_clock_and_a_webhook_are_seen_and_served_through(
    stage: Stage, clock: Clock
) -> None:
    sandbox, control, bot = stage
    clock.offset_s = 86_400
    async with bot, httpx.AsyncClient(trust_env=False, timeout=60) as client:
        wrong_clock = (await bot.health())["clock"]
        await expect_service(control)
        url = f"{sandbox.url}/bot{sandbox.token}/setWebhook"
        await client.post(url, json={"url": "http://127.0.0.1:9/hook"})
        seen = await eventually(bot.health, lambda checks: checks["telegram"])
        report = await run_doctor(bot.environ, "--fix")
        await expect_service(control)

    assert "behind" in wrong_clock
    assert "timedatectl set-ntp true" in wrong_clock
    assert bot.log.count("the clock is") == 1
    assert "imgbot doctor --fix" in seen["telegram"]
    assert report.mended == ["webhook deleted"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root can make a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_a_full_disk_is_said_and_loses_nothing(stage: Stage, small_disk: Path) -> None:
    sandbox, control, _ = stage
    bot = Bot(sandbox, small_disk)
    bot.constants = SOON
    people = [await control.make_user(f"P{number}") for number in range(10)]
    async with bot:
        before = await bot.health()
        fill(small_disk / "fill")
        for person in people:
            await control.say(person, "a fox")
        seen = await eventually(bot.health, lambda checks: checks["disk"])
        await bot.until_logged("the embedded Redis ended")
        report = await run_doctor(bot.environ)
        (small_disk / "fill").unlink()
        for person in people:
            await control.wait_message(person.id, lambda m: bool(m.photo_id))
        await eventually(bot.health, lambda checks: not any(checks.values()))

    assert not any(before.values())
    assert "MB left in" in seen["disk"]
    assert "disk" in report.wrong
    assert "jobs wait: 0 MB left" in bot.log
    assert "AOF" in bot.log
    assert "is set aside" not in bot.log
    assert "Traceback" not in bot.log


async def test_a_name_that_cannot_be_looked_up_is_said(stage: Stage) -> None:
    bot = stage[2]
    bot.settings["IMGBOT_TELEGRAM_API"] = "https://telegram.invalid"
    await bot.launch()

    await bot.until_logged("Telegram: the name telegram.invalid cannot be looked up")
    await bot.until_logged("status, health and metrics at")
    seen = await eventually(bot.health, lambda checks: checks["telegram"])
    await bot.kill()

    assert "the name telegram.invalid cannot be looked up" in seen["telegram"]


async def test_a_start_on_a_full_disk_says_so_and_may_be_repeated(
    stage: Stage, small_disk: Path
) -> None:
    sandbox, _, _ = stage
    bot = Bot(sandbox, small_disk / "state")
    bot.state_dir.mkdir()
    bot._log = small_disk.with_name("bot.log")
    fill(small_disk / "fill")
    await bot.launch()
    fresh = await bot.wait()
    (small_disk / "fill").unlink()
    async with bot:
        pass
    fill(small_disk / "fill")
    await bot.launch()
    used = await bot.wait()

    # Not 78, after which systemd would not try again.
    assert (fresh, used) == (1, 1)
    assert bot.log.count(f"0 MB left in {bot.state_dir}; free some space") == 2
    assert "Traceback" not in bot.log


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            return
