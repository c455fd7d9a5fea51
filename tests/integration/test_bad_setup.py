"""An operator's mistakes before a start: the program ends with 78 and names what mends each."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.fixtures.bot import Bot
from tests.fixtures.commands import run_doctor
from tests.fixtures.sandbox import open_sandbox

pytestmark = pytest.mark.slow


@pytest.fixture
async def bot(state_dir: Path) -> AsyncIterator[Bot]:
    """It is not started yet."""
    async with open_sandbox() as (sandbox, _):
        yield Bot(sandbox, state_dir)


def a_file_for_a_state_directory(bot: Bot) -> None:
    bot.state_dir.rmdir()
    bot.state_dir.write_text("")


def a_file_for_the_folder_of_jobs(bot: Bot) -> None:
    (bot.state_dir / "jobs").write_text("")


def a_file_for_the_folder_of_redis(bot: Bot) -> None:
    (bot.state_dir / "redis").write_text("")


def a_folder_for_the_key_of_webhooks(bot: Bot) -> None:
    (bot.state_dir / "hook.key").mkdir()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (a_file_for_a_state_directory, ("IMGBOT_STATE_DIR", "cannot be written to")),
        (a_file_for_the_folder_of_jobs, ("IMGBOT_STATE_DIR", "jobs cannot be used", "ls -la")),
        (a_file_for_the_folder_of_redis, ("IMGBOT_STATE_DIR", "redis cannot be used")),
        (a_folder_for_the_key_of_webhooks, ("IMGBOT_STATE_DIR", "hook.key cannot be used")),
    ],
    ids=lambda value: value.__name__.replace("_", " ") if callable(value) else "",
)
async def test_a_state_directory_that_cannot_be_used_ends_the_bot_with_78(
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
