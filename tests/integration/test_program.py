"""The program from outside: what it refuses, with which status, and what it does not import."""

import asyncio
import functools
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from imgbot.version import version
from tests.fixtures.bot import Bot
from tests.fixtures.commands import COMMAND, run_doctor
from tests.fixtures.sandbox import Control, open_sandbox
from tests.fixtures.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.slow

TOKEN = "123456789:" + "A" * 35
HEAVY = ("aiogram", "redis", "httpx", "PIL", "prometheus_client", "pydantic", "uvloop", "aiohttp")


def run(*arguments: str, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    clean = {name: v for name, v in os.environ.items() if not name.startswith("IMGBOT_")}
    return subprocess.run(
        [*COMMAND, *arguments],
        env=clean | (environ or {}),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.fixture
def bot(sandboxed: tuple[Bot, Control]) -> Bot:
    """It is not started yet."""
    return sandboxed[0]


def test_help_and_version_import_nothing_heavy() -> None:
    code = (
        "import sys\nfrom imgbot.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "--workers N" in shown.stdout
    assert shown.stdout.splitlines()[-1] == "[]"
    assert run("--version").stdout.strip() == f"imgbot {version()}"


def show(out: int, *arguments: str) -> tuple[int, str]:
    """Run a command with that stdout; return its exit status and what it wrote on stderr."""
    buffered = {name: v for name, v in os.environ.items() if name != "PYTHONUNBUFFERED"}
    ended = subprocess.run(
        [*COMMAND, *arguments],
        stdout=out,
        stderr=subprocess.PIPE,
        env=buffered,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stderr


@pytest.mark.parametrize("arguments", [("--help",), ("doctor", "--provider", "fal")])
def test_output_that_nobody_takes_ends_a_command(arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe, Path("/dev/full").open("w") as full:
        shown = [show(out.fileno(), *arguments) for out in (pipe, full)]

    assert shown == [(1, ""), (1, "imgbot: No space left on device\n")]


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_a_closed_standard_stream_is_replaced(closed: str) -> None:
    code = (
        "import sys\nfrom imgbot.cli import main\n"
        "try:\n    main(['--version'])\nexcept SystemExit:\n    pass\n"
        "sys.exit(None in (sys.stdin, sys.stdout, sys.stderr))"
    )
    command = ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-c", code]

    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_the_script_and_the_module_are_the_same_program() -> None:
    script = Path(__file__).parents[2] / "imgbot.py"
    shown = subprocess.run(
        [sys.executable, str(script), "--version"], capture_output=True, text=True, check=True
    )

    assert shown.stdout == run("--version").stdout


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "IMGBOT_TOKEN"),
        ({"IMGBOT_TOKEN": TOKEN, "IMGBOT_WORKRES": "3"}, "did you mean IMGBOT_WORKERS"),
        ({"IMGBOT_TOKEN": TOKEN, "IMGBOT_HTTP": "nowhere"}, "IMGBOT_HTTP"),
    ],
)
def test_a_wrong_setting_is_named(environ: dict[str, str], said: str, tmp_path: Path) -> None:
    ended = run(environ=environ | {"IMGBOT_STATE_DIR": str(tmp_path)})

    assert ended.returncode == 78
    assert said in ended.stderr
    assert "A" * 35 not in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_a_redis_of_ones_own_serves(sandboxed: tuple[Bot, Control], redis_url: str) -> None:
    bot, control = sandboxed
    bot.settings["IMGBOT_REDIS_URL"] = redis_url
    person = await control.make_user("Ann")

    async with bot:
        await control.say(person, "a fox")
        result = await control.wait_message(person.id, lambda m: bool(m.photo_id))

    assert result.text.splitlines()[0] == "a fox"
    assert not (bot.state_dir / "redis").exists()


async def test_one_supervisor_per_state_directory_and_per_token(
    sandboxed: tuple[Bot, Control], tmp_path: Path
) -> None:
    bot, _ = sandboxed
    await bot.start("--users", "200")
    same_folder = run(environ=bot.environ | {"IMGBOT_TOKEN": "987654321:" + "C" * 35})
    same_token = run(environ=bot.environ | {"IMGBOT_STATE_DIR": str(tmp_path / "other")})

    # As many workers as the guide has.
    assert "7 workers" in bot.log
    assert await bot.stop() == 0
    for refused in (same_folder, same_token):
        assert refused.returncode == 1
        assert f"process {bot.pid} " in refused.stderr


async def test_a_stop_is_kept_whatever_was_asked_before(bot: Bot) -> None:
    for asked, status in (
        ([signal.SIGUSR1], 1),
        ([signal.SIGUSR1, signal.SIGTERM], 0),
        ([signal.SIGUSR1, signal.SIGUSR1], 1),
    ):
        await bot.start()
        for number in asked:
            bot.signal(number)
        assert await bot.wait() == status
    assert " error " not in bot.log


async def test_health_and_metrics(sandboxed: tuple[Bot, Control]) -> None:
    bot, control = sandboxed
    person = await control.make_user("Ann")
    # Started as an operator does, not forked.
    bot.command = [*COMMAND]
    async with bot:
        await control.say(person, "a fox")
        await control.wait_message(person.id, lambda m: bool(m.photo_id))
        await eventually(lambda: bot.get("/healthz"), lambda text: '"status": "ok"' in text)
        # The picture is shown a moment before it is counted; some is measured every few seconds.
        metrics = await eventually(
            lambda: bot.get("/metrics"),
            lambda text: all(line in text for line in AFTER_A_PICTURE),
            what="the picture counted",
        )

    assert str(person.id) not in metrics


AFTER_A_PICTURE = (
    'finished_total{operation="create",status="ok"} 1.0',
    'imgbot_jobs_enqueued_total{operation="create"} 1.0',
    'imgbot_jobs_enqueued_total{operation="merge"} 0.0',
    'imgbot_workers{state="wanted"} 5.0',
    'imgbot_updates_received_total{type="message"} 1.0',
    'imgbot_queue_jobs{queue="img_queue",state="waiting"} 0.0',
    'imgbot_job_duration_seconds_bucket{le="+Inf",operation="create"} 1.0',
    'imgbot_telegram_requests_total{code="ok",method="editMessageMedia"} 1.0',
)


def a_file_for_a_state_directory(bot: Bot) -> None:
    bot.state_dir.rmdir()
    bot.state_dir.write_text("")


def a_file_for_the_folder_of_jobs(bot: Bot) -> None:
    (bot.state_dir / "jobs").write_text("")


def a_file_for_the_folder_of_redis(bot: Bot) -> None:
    (bot.state_dir / "redis").write_text("")


def a_folder_for_the_key_of_webhooks(bot: Bot) -> None:
    (bot.state_dir / "hook.key").mkdir()


def a_token_that_telegram_does_not_know(bot: Bot) -> None:
    bot.settings["IMGBOT_TOKEN"] = "123456789:" + "B" * 35


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (a_token_that_telegram_does_not_know, ("IMGBOT_TOKEN", "is unknown to Telegram, or")),
        (a_file_for_a_state_directory, ("IMGBOT_STATE_DIR", "cannot be written to")),
        (a_file_for_the_folder_of_jobs, ("IMGBOT_STATE_DIR", "jobs cannot be used", "ls -la")),
        (a_file_for_the_folder_of_redis, ("IMGBOT_STATE_DIR", "redis cannot be used")),
        (a_folder_for_the_key_of_webhooks, ("IMGBOT_STATE_DIR", "hook.key cannot be used")),
    ],
    ids=lambda value: value.__name__.replace("_", " ") if callable(value) else "",
)
async def test_a_setup_that_cannot_be_used_ends_the_bot_with_78(
    bot: Bot, spoil: Callable[[Bot], None], said: tuple[str, ...]
) -> None:
    spoil(bot)

    await bot.launch()

    assert await bot.wait() == 78, bot.log
    last = bot.log.strip().splitlines()[-1]
    for words in said:
        assert words in last
    assert "Traceback" not in bot.log
    assert bot.secrets_in_log() == []
    assert bot.environ["IMGBOT_TOKEN"] not in bot.log


async def test_a_taken_port_and_a_redis_that_would_lose_jobs_end_the_bot_with_78(
    bot: Bot, redis_url: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bot.settings["IMGBOT_HTTP"] = f"127.0.0.1:{taken.getsockname()[1]}"
        await bot.launch()
        assert await bot.wait() == 78
    del bot.settings["IMGBOT_HTTP"]
    bot.settings["IMGBOT_REDIS_URL"] = redis_url
    redis = bot.redis_of_its_own()
    await redis.config_set("appendonly", "no")
    try:
        await bot.launch()
        assert await bot.wait() == 78
    finally:
        await redis.config_set("appendonly", "yes")
        await redis.aclose()

    assert "IMGBOT_HTTP" in bot.log
    assert "IMGBOT_REDIS_URL" in bot.log
    assert "appendonly yes" in bot.log


async def test_a_token_of_another_bot(bot: Bot) -> None:
    await bot.start()
    await bot.stop()
    async with open_sandbox() as (other, _):
        stranger = Bot(other, bot.state_dir)

        await stranger.launch()

        assert await stranger.wait() == 78
    ids = [each.environ["IMGBOT_TOKEN"].partition(":")[0] for each in (stranger, bot)]
    assert f"is of the bot {ids[0]}, but the jobs here are of the bot {ids[1]}" in stranger.log
    # Its own bot is served as before.
    await bot.start()
    await bot.stop()


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
async def test_a_redis_of_the_wrong_version(bot: Bot, hello: bytes, said: str) -> None:
    answer = functools.partial(answer_as_an_old_redis, hello)
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    bot.settings["IMGBOT_REDIS_URL"] = f"redis://127.0.0.1:{port}/0"

    await bot.launch()
    status = await bot.wait()
    report = await run_doctor(bot.environ)
    server.close()

    assert status == 78, bot.log
    assert f"{said}; use 7.2 or later" in bot.log
    assert "redis" in report.wrong
    assert said in report.the("redis")["text"]
