"""A newer release: told once, whatever the address answers and whenever the bot is killed."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import pytest
import pytest_asyncio

from imgbot.domain.errors import TransientError
from imgbot.domain.texts import t
from imgbot.features.releases.looking import RELEASE, Releases, headings_of
from imgbot.storage.client import Client
from imgbot.version import version
from tests.fakes.scripted_server import Script, open_script
from tests.fixtures.sandbox import Message
from tests.fixtures.waiting import eventually
from tests.integration.stage import open_owned

NOTES = (
    "## For users\n\n- much\n\n### Upgrade notes\n### For users\n# See https://evil.example @x\n"
)
DAY_MS = 86_400_000
NOW_MS = 20_000 * DAY_MS


@pytest_asyncio.fixture
async def script() -> AsyncIterator[Script]:
    async with open_script() as script:
        script.on("GET /latest", {"tag_name": "v9.1.0", "body": NOTES})
        yield script


def _releases(script: Script, redis: Client, now_ms: int = NOW_MS) -> tuple[Releases, Any]:
    users: Any = AsyncMock(profile=AsyncMock(return_value=SimpleNamespace(language="en")))
    messenger: Any = AsyncMock()
    url = f"{script.url}/latest"
    return Releases(url, redis, messenger, users, [1, 2], lambda: now_ms), messenger


def _is_notice(message: Message) -> bool:
    return message.text.startswith("🆕")


@pytest.mark.slow
async def test_each_release_is_told_once_though_the_bot_is_killed(
    tmp_path: Path, script: Script
) -> None:
    async for stage in open_owned(tmp_path, IMGBOT_RELEASES=f"{script.url}/latest"):
        notice = await stage.owner.wait(_is_notice)
        await stage.bot.kill()
        await stage.bot.start()
        # A day later the same release is still the latest one.
        async with stage.bot.redis() as redis:
            await redis.hset(RELEASE, "asked_ms", "0")
        asked = len(script.asked)
        await stage.bot.kill()
        await stage.bot.start()
        await eventually(lambda: len(script.asked), lambda count: count == 2)
        await stage.owner.order("a red fox")
        told = [each.id for each in await stage.owner.heard(rests=False) if _is_notice(each)]

        headings = "\n• For users\n• Upgrade notes\n• See https evil example x"
        facts = {"version": "9.1.0", "own": version(), "headings": headings}
        assert notice.text == t("en", "release_news", **facts)
        assert (asked, told) == (1, [notice.id])


async def test_a_release_is_told_once_to_each_and_a_newer_one_again(
    redis: Client, script: Script
) -> None:
    releases, messenger = _releases(script, redis)
    messenger.ping.side_effect = TransientError("Telegram is away")
    with pytest.raises(TransientError):
        await releases.look()
    messenger.ping.side_effect = None
    messenger.send_text.side_effect = TransientError("no answer: it may have been shown")

    waits_s = await releases.look(), await releases.look()
    told = [call.args[0].chat_id for call in messenger.send_text.await_args_list]
    script.on("GET /latest", {"tag_name": "v9.0.7"})
    older, its_messenger = _releases(script, redis, NOW_MS + DAY_MS)
    await older.look()
    script.on("GET /latest", {"tag_name": "9.10.0"})
    newer, newer_messenger = _releases(script, redis, NOW_MS + 2 * DAY_MS)
    await newer.look()

    assert waits_s == (86_400.0, 86_400.0)
    assert told == [1, 2]
    assert its_messenger.send_text.await_count == 0
    assert newer_messenger.send_text.await_count == 2
    assert len(script.asked) == 3


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"tag_name": 7},
        {"tag_name": "v0.9.9"},
        {"tag_name": "9.9.9" + "9" * 10},
        {"tag_name": "9.9.9-rc1"},
        b"<html>9.9.9</html>",
        b'{"tag_name": "9.9.9", "body": "' + b"# x" * 400_000 + b'"}',
        b'{"tag_name": "9.9.9", "body": ' + b"[" * 100_000,
    ],
)
async def test_what_is_no_newer_release_tells_nobody_and_is_not_asked_again(
    redis: Client, script: Script, content: object
) -> None:
    script.on("GET /latest", content)
    releases, messenger = _releases(script, redis)

    await releases.look()
    await releases.look()

    assert len(script.asked) == 1
    assert messenger.send_text.await_count == 0
    assert await redis.hget(RELEASE, "told") is None


@pytest.mark.parametrize("notes", [None, 7, "", "#", "plain\ntext", "#no heading", "# ///@:"])
def test_notes_without_headings_have_none(notes: object) -> None:
    assert headings_of(notes) == []


def test_headings_are_few_short_and_plain() -> None:
    found = headings_of("\n".join(f"# {n} \x1b[1m{'x' * 5000}\u202e" for n in range(5000)))

    assert len(found) == 8
    assert all(len(each) <= 60 and each.isprintable() for each in found)
