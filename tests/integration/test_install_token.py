"""The token's way into an installation: from a file, stdin or a question, and asked of Telegram."""

import asyncio
import getpass
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imgbot.errors import ConfigError
from imgbot.ops.install.release import InstallError
from imgbot.ops.install.token import TelegramAwayError, ask_telegram, read_token
from imgbot.sandbox.guest import free_port
from imgbot.sandbox.server import Sandbox
from tests.support.sandbox import open_sandbox

TOKEN = "123456789:" + "A" * 35


def test_a_token_comes_from_a_file_or_from_stdin(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"  {TOKEN}\r\n")

    assert read_token(str(tmp_path / "token"), io.StringIO("")) == TOKEN
    assert read_token(None, io.StringIO(f"{TOKEN}\n")) == TOKEN
    assert read_token("-", io.StringIO(TOKEN)) == TOKEN


@pytest.mark.parametrize("text", ["", "hello", TOKEN + "!", "1:" + "A" * 35])
def test_what_is_no_token_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        read_token(None, io.StringIO(text))

    assert refusal.value.setting == "IMGBOT_TOKEN"
    assert not text or text not in str(refusal.value)


def test_a_question_that_is_not_answered_is_a_missing_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def end(prompt: str) -> str:
        # Ctrl-D.
        raise EOFError(prompt)

    monkeypatch.setattr(getpass, "getpass", end)

    with pytest.raises(ConfigError, match="this is no token"):
        read_token(None, Terminal())


def test_a_token_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match="No such file or directory"):
        read_token(str(tmp_path / "gone"), io.StringIO(""))


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with open_sandbox() as (sandbox, _):
        yield sandbox


async def ask(api: str, token: str) -> str:
    # The sandbox lives in this loop; the command has a loop of its own.
    return (await asyncio.to_thread(ask_telegram, api, token)).username


async def test_telegram_is_asked_whose_the_token_is(sandbox: Sandbox) -> None:
    assert await ask(sandbox.url, sandbox.token) == "imgbot_sandbox_bot"


async def test_a_token_that_telegram_does_not_know_is_a_wrong_setting(sandbox: Sandbox) -> None:
    with pytest.raises(ConfigError, match="Telegram does not know this token"):
        await ask(sandbox.url, TOKEN)


async def test_telegram_away_is_told_without_the_token() -> None:
    with pytest.raises(TelegramAwayError) as refusal:
        await ask(f"http://127.0.0.1:{free_port()}", TOKEN)

    assert TOKEN not in str(refusal.value)
    assert refusal.value.__cause__ is None
