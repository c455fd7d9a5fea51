"""The program from outside: what it refuses, with which status, and what it does not import."""

import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imgbot.version import version
from tests.fixtures.bot import Bot
from tests.fixtures.commands import COMMAND
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
async def sandboxed(state_dir: Path) -> AsyncIterator[tuple[Bot, Control]]:
    async with open_sandbox() as (sandbox, control):
        yield Bot(sandbox, state_dir), control


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


async def test_a_token_that_telegram_does_not_know(sandboxed: tuple[Bot, Control]) -> None:
    bot, _ = sandboxed
    bot.settings["IMGBOT_TOKEN"] = "123456789:" + "B" * 35

    await bot.launch()

    assert await bot.wait() == 78
    assert "IMGBOT_TOKEN" in bot.log
    assert "B" * 35 not in bot.log


async def test_a_taken_port(sandboxed: tuple[Bot, Control]) -> None:
    bot, _ = sandboxed
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        bot.settings["IMGBOT_HTTP"] = f"127.0.0.1:{taken.getsockname()[1]}"

        await bot.launch()

        assert await bot.wait() == 78
    assert "IMGBOT_HTTP" in bot.log


async def test_a_redis_that_would_lose_jobs(sandboxed: tuple[Bot, Control], redis_url: str) -> None:
    bot, _ = sandboxed
    volatile = socket_of(redis_url)
    bot.settings["IMGBOT_REDIS_URL"] = redis_url
    subprocess_set(volatile, "appendonly", "no")
    try:
        await bot.launch()

        assert await bot.wait() == 78
    finally:
        subprocess_set(volatile, "appendonly", "yes")
    assert "IMGBOT_REDIS_URL" in bot.log
    assert "appendonly yes" in bot.log


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
    async with bot:
        same_folder = run(environ=bot.environ | {"IMGBOT_TOKEN": "987654321:" + "C" * 35})
        same_token = run(environ=bot.environ | {"IMGBOT_STATE_DIR": str(tmp_path / "other")})

    for refused in (same_folder, same_token):
        assert refused.returncode == 1
        assert f"process {bot.pid} " in refused.stderr


async def test_workers_as_the_guide_has_them(sandboxed: tuple[Bot, Control]) -> None:
    bot, _ = sandboxed
    await bot.start("--users", "200")
    assert "7 workers" in bot.log
    assert await bot.stop() == 0


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


def socket_of(redis_url: str) -> str:
    return redis_url.removeprefix("unix://")


def subprocess_set(socket_path: str, name: str, value: str) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(socket_path)
        client.sendall(f"CONFIG SET {name} {value}\r\n".encode())
        assert client.recv(64) == b"+OK\r\n"
