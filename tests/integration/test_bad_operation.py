"""An operator's mistakes and a machine's troubles: each named, with what mends it.

The real program ends with 78 and a sentence, or serves on and says in /healthz and in its log
what is wrong; it never loops without a reason.
"""

import asyncio
import functools
import json
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.exceptions import NoScriptError

from imgbot.errors import StorageAwayError
from imgbot.queue.scripts import storage_errors
from imgbot.sandbox.server import Sandbox
from tests.support.bot import Bot
from tests.support.doctor import see_doctor
from tests.support.sandbox import Clock, Control, open_sandbox
from tests.support.waiting import eventually

Stage = tuple[Sandbox, Control, Bot]


@pytest.fixture
async def stage(state_dir: Path, clock: Clock) -> AsyncIterator[Stage]:
    async with open_sandbox(now=clock) as (sandbox, control):
        yield sandbox, control, Bot(sandbox, state_dir)


async def health(bot: Bot) -> dict[str, str]:
    """Check → what is wrong, empty when well."""
    checks: dict[str, Any] = json.loads(await bot.get("/healthz"))["checks"]
    return {name: str(check.get("detail", "")) for name, check in checks.items()}


async def log_of(bot: Bot) -> str:
    return bot.log


def half_a_line(bot: Bot, folder: Path) -> None:
    file = folder / "imgbot.env"
    file.write_text("IMGBOT_USERS=100\nIMGBOT_RATE_LIM")
    bot.settings["IMGBOT_ENVIRONMENT_FILE"] = str(file)


def a_value_cut_off(bot: Bot, folder: Path) -> None:
    file = folder / "imgbot.env"
    file.write_text("# the settings\nIMGBOT_HTTP=127.0.0.1:\n")
    bot.settings["IMGBOT_ENVIRONMENT_FILE"] = str(file)
    bot.settings["IMGBOT_HTTP"] = "127.0.0.1:"


def noise_for_a_file(bot: Bot, folder: Path) -> None:
    file = folder / "imgbot.env"
    file.write_bytes(b"\x00\xff\xfe" * 100)
    bot.settings["IMGBOT_ENVIRONMENT_FILE"] = str(file)


def a_credential_that_cannot_be_read(bot: Bot, folder: Path) -> None:
    (folder / "credentials" / "bot-token").mkdir(parents=True)
    bot.settings["CREDENTIALS_DIRECTORY"] = str(folder / "credentials")


def a_token_cut_in_two(bot: Bot, _: Path) -> None:
    bot.settings["IMGBOT_TOKEN"] = "123456789:AAE"


def a_file_for_a_state_directory(bot: Bot, _: Path) -> None:
    bot.state_dir.rmdir()
    bot.state_dir.write_text("")


def a_file_for_the_folder_of_jobs(bot: Bot, _: Path) -> None:
    (bot.state_dir / "jobs").write_text("")


def a_file_for_the_folder_of_redis(bot: Bot, _: Path) -> None:
    (bot.state_dir / "redis").write_text("")


def a_folder_for_the_key_of_webhooks(bot: Bot, _: Path) -> None:
    (bot.state_dir / "hook.key").mkdir()


def a_provider_without_its_key(bot: Bot, _: Path) -> None:
    bot.settings["IMGBOT_PROVIDER"] = "replicate"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (half_a_line, ("IMGBOT_ENVIRONMENT_FILE", "line 2 of", "write NAME=value")),
        (a_value_cut_off, ("IMGBOT_HTTP", "line 2 of", "a host and port")),
        (noise_for_a_file, ("IMGBOT_ENVIRONMENT_FILE", "cannot be read")),
        (a_credential_that_cannot_be_read, ("IMGBOT_TOKEN", "bot-token cannot be read")),
        (a_token_cut_in_two, ("IMGBOT_TOKEN", "@BotFather")),
        (a_file_for_a_state_directory, ("IMGBOT_STATE_DIR", "cannot be written to")),
        (a_file_for_the_folder_of_jobs, ("IMGBOT_STATE_DIR", "jobs cannot be used", "ls -la")),
        (a_file_for_the_folder_of_redis, ("IMGBOT_STATE_DIR", "redis cannot be used")),
        (a_folder_for_the_key_of_webhooks, ("IMGBOT_STATE_DIR", "hook.key cannot be used")),
        (a_provider_without_its_key, ("REPLICATE_API_TOKEN", "is missing")),
    ],
    ids=lambda value: value.__name__.replace("_", " ") if callable(value) else "",
)
async def test_it_ends_with_78_and_names_it(
    stage: Stage, tmp_path: Path, spoil: Callable[[Bot, Path], None], said: tuple[str, ...]
) -> None:
    _, _, bot = stage
    spoil(bot, tmp_path)

    await bot.launch()

    assert await bot.wait() == 78, bot.log
    last = bot.log.strip().splitlines()[-1]
    for words in said:
        assert words in last
    assert "Traceback" not in bot.log
    assert bot.secrets_in_log() == []


async def test_a_token_of_another_bot(stage: Stage) -> None:
    sandbox, _, bot = stage
    await bot.start()
    await bot.stop()
    async with open_sandbox() as (other, _):
        stranger = Bot(other, bot.state_dir)

        await stranger.launch()

        assert await stranger.wait() == 78
    ids = [place.token.partition(":")[0] for place in (other, sandbox)]
    assert f"is of the bot {ids[0]}, but the jobs here are of the bot {ids[1]}" in stranger.log
    # Its own bot is served as before.
    await bot.start()
    await bot.stop()


async def test_a_second_service_on_the_same_token_elsewhere(stage: Stage) -> None:
    sandbox, control, bot = stage
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
        seen = await eventually(lambda: health(bot), lambda checks: checks["telegram"])
        visit = await see_doctor(bot.environ)
        told = await control.wait_message(owner.id, lambda m: m.text.startswith("🔴"))
        other.cancel()
        person = await control.make_user("Ann")
        await control.say(person, "/start")
        await control.wait_message(person.id)

    assert "another program polls with this token" in seen["telegram"]
    assert "/revoke" in bot.log
    assert "A second program polls with this bot's token" in told.text
    assert {"service", "second poller"} <= set(visit.wrong)


async def test_a_webhook_set_while_it_runs(stage: Stage) -> None:
    sandbox, control, bot = stage
    async with bot, httpx.AsyncClient(trust_env=False, timeout=60) as client:
        url = f"{sandbox.url}/bot{sandbox.token}/setWebhook"
        await client.post(url, json={"url": "http://127.0.0.1:9/hook"})
        seen = await eventually(lambda: health(bot), lambda checks: checks["telegram"])

        visit = await see_doctor(bot.environ, "--fix")

        person = await control.make_user("Ann")
        await control.say(person, "/start")
        await control.wait_message(person.id)

    assert "imgbot doctor --fix" in seen["telegram"]
    assert visit.mended == ["the webhook is deleted"]


@pytest.mark.parametrize(("offset_s", "side"), [(86_400, "behind"), (-86_400, "ahead of")])
async def test_a_clock_that_is_a_day_off(
    stage: Stage, clock: Clock, offset_s: float, side: str
) -> None:
    _, control, bot = stage
    clock.offset_s = offset_s
    async with bot:
        seen = await health(bot)
        person = await control.make_user("Ann")
        await control.say(person, "/start")
        # It serves all the same.
        await control.wait_message(person.id)

    assert side in seen["clock"]
    assert "timedatectl set-ntp true" in seen["clock"]
    assert bot.log.count("the clock is") == 1


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
    people = [await control.make_user(f"P{number}") for number in range(10)]
    async with bot:
        before = await health(bot)
        fill(small_disk / "fill")
        for person in people:
            await control.say(person, "a fox")
        seen = await eventually(lambda: health(bot), lambda checks: checks["disk"])
        await eventually(lambda: log_of(bot), lambda log: "the embedded Redis ended" in log)
        visit = await see_doctor(bot.environ)
        (small_disk / "fill").unlink()
        for person in people:
            await control.wait_message(person.id, lambda m: bool(m.photo_id))
        await eventually(lambda: health(bot), lambda checks: not any(checks.values()))

    assert not any(before.values())
    assert "are left below" in seen["disk"]
    assert "disk" in visit.wrong
    assert "jobs wait: 0 MB are left" in bot.log
    assert "AOF" in bot.log
    assert "is set aside" not in bot.log
    assert "Traceback" not in bot.log


async def test_a_script_that_a_new_server_does_not_know_yet_is_tried_again() -> None:
    with pytest.raises(StorageAwayError), storage_errors():
        raise NoScriptError("No matching script.")


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            return


INFO = "# Server\r\nredis_version:6.0.16\r\nredis_mode:standalone\r\naof_enabled:1\r\n"
NO_HELLO = b"-ERR unknown command 'HELLO'\r\n"
HELLO = b"%2\r\n+server\r\n+redis\r\n+proto\r\n:3\r\n"


async def answer_as_an_old_redis(
    hello: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """As much of a server as is asked before its version is seen."""
    answers = {
        b"INFO": b"$%d\r\n%s\r\n" % (len(INFO), INFO.encode()),
        b"PING": b"+PONG\r\n",
        b"HELLO": hello,
    }
    while header := await reader.readline():
        words: list[bytes] = []
        for _ in range(int(header[1:])):
            length = int((await reader.readline())[1:])
            words.append((await reader.readexactly(length + 2))[:-2].upper())
        writer.write(answers.get(words[0], b"+OK\r\n"))
    writer.close()


@pytest.mark.parametrize(
    ("hello", "said"),
    [(HELLO, "Redis 6.0.16 is too old"), (NO_HELLO, "this Redis is older than 6")],
    ids=["6", "5"],
)
async def test_a_redis_of_the_wrong_version(stage: Stage, hello: bytes, said: str) -> None:
    _, _, bot = stage
    answer = functools.partial(answer_as_an_old_redis, hello)
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    bot.settings["IMGBOT_REDIS_URL"] = f"redis://127.0.0.1:{port}/0"

    await bot.launch()
    status = await bot.wait()
    visit = await see_doctor(bot.environ)
    server.close()

    assert status == 78, bot.log
    assert f"{said}; use 7.2 or later" in bot.log
    assert "redis" in visit.wrong
    assert said in visit.the("redis")["text"]
