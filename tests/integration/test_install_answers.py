"""The operator's answers to an installation: read or asked for, and checked where they lead to."""

import asyncio
import getpass
import io
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from unittest.mock import Mock

import aiohttp
import pytest

from imgbot.config.settings import Settings
from imgbot.domain.errors import ConfigError
from imgbot.domain.findings import Finding, ok, wrong
from imgbot.ops.doctor import telegram
from imgbot.ops.install.answers import (
    Answers,
    InstallOptions,
    TelegramAwayError,
    as_token,
    ask_telegram,
    gather,
    read_secret,
)
from imgbot.ops.install.release import InstallError
from imgbot.ops.installation import Layout
from imgbot.sandbox.bot_process import free_port
from imgbot.sandbox.server import Sandbox
from tests.fixtures.bot import extending
from tests.fixtures.sandbox import open_sandbox

TOKEN = "123456789:" + "A" * 35


class Terminal(io.StringIO):
    """Stdin of somebody who types what is there and sees no secret of it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is typed, line by line; Ctrl-D after it."""
    lines: list[str] = []

    def type_(prompt: str = "") -> str:
        if not lines:
            raise EOFError(prompt)
        return lines.pop(0)

    monkeypatch.setattr(getpass, "getpass", type_)
    monkeypatch.setattr("builtins.input", type_)
    monkeypatch.setattr(sys, "stdin", Terminal())
    yield lines
    assert lines == [], "nobody asked for it"


def read_token(file: str | None, typed: str = "") -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.StringIO(typed))
        return read_secret(file, "Token: ", as_token)


def test_a_token_comes_from_a_file_or_from_stdin(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"  {TOKEN}\r\n")

    assert read_token(str(tmp_path / "token")) == TOKEN
    assert read_token(None, f"{TOKEN}\n") == TOKEN
    assert read_token("-", TOKEN) == TOKEN
    with pytest.raises(InstallError, match="No such file or directory"):
        read_token(str(tmp_path / "gone"))


@pytest.mark.parametrize("text", ["", TOKEN + "!", "1:" + "A" * 35])
def test_what_is_no_token_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        read_token(None, text)

    assert refusal.value.setting == "IMGBOT_TOKEN"
    assert not text or text not in str(refusal.value)


def test_a_token_that_is_mistyped_is_asked_for_again_until_ctrl_d(
    typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    typed += ["", TOKEN]

    assert read_secret(None, "Token: ", as_token) == TOKEN
    assert "this is not a token" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="this is not a token"):
        read_secret(None, "Token: ", as_token)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with open_sandbox() as (sandbox, _):
        yield sandbox


async def ask(api: str, token: str) -> str:
    # The sandbox lives in this loop; the command has a loop of its own.
    return await asyncio.to_thread(ask_telegram, api, token)


async def test_telegram_is_asked_whose_the_token_is(sandbox: Sandbox) -> None:
    assert await ask(sandbox.url, sandbox.token) == "imgbot_sandbox_bot"
    with pytest.raises(ConfigError, match="Telegram does not know this token"):
        await ask(sandbox.url, TOKEN)


async def test_telegram_away_is_told_without_the_token() -> None:
    with pytest.raises(TelegramAwayError) as refusal:
        await ask(f"http://127.0.0.1:{free_port()}", TOKEN)

    assert TOKEN not in str(refusal.value)
    assert refusal.value.__cause__ is None


@pytest.fixture
def server(tmp_path: Path, sandbox: Sandbox) -> Layout:
    """A server whose operator has written nothing but where Telegram is."""
    layout = Layout(tmp_path)
    layout.settings.mkdir(parents=True)
    layout.environment_file.write_text(f"IMGBOT_TELEGRAM_API={sandbox.url}\n")
    return layout


def examine(settings: Settings, name: str) -> Finding:
    key = settings.key_of(name)
    is_right = key is not None and key.get_secret_value() == "right"
    return ok(name, "takes the key") if is_right else wrong(name, "refuses the key")


async def answers_to(layout: Layout, wish: InstallOptions) -> Answers:
    return (await asyncio.to_thread(gather, wish, layout, examine))[0]


async def test_a_provider_is_asked_about_the_key_that_is_typed(
    sandbox: Sandbox, server: Layout, typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    typed += [TOKEN, sandbox.token, "", "wrong", "right"]

    answers = await answers_to(server, InstallOptions(provider="fal"))

    assert answers == Answers(sandbox.token, {"FAL_KEY": "right"}, "fal")
    printed = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in printed] == [
        "IMGBOT_TOKEN",
        "FAL_KEY",
        "FAL_KEY",
        "fal",
    ]


async def test_a_fresh_server_is_asked_who_makes_the_pictures(
    sandbox: Sandbox, server: Layout, typed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.environment_file.unlink()

    def ask_sandbox(_: str, token: str) -> str:
        return ask_telegram(sandbox.url, token)

    monkeypatch.setattr("imgbot.ops.install.answers.ask_telegram", ask_sandbox)
    typed += [sandbox.token, "fall", "fal", "right"]
    named = await answers_to(server, InstallOptions())
    typed += [sandbox.token, ""]
    nobody = await answers_to(server, InstallOptions())

    assert (named.provider, dict(named.keys)) == ("fal", {"FAL_KEY": "right"})
    assert (nobody.provider, dict(nobody.keys)) == (None, {})


async def test_providers_of_single_operations_stay_in_the_file_where_they_are_written(
    sandbox: Sandbox, server: Layout, typed: list[str]
) -> None:
    with server.environment_file.open("a") as file:
        file.write("IMGBOT_PROVIDER=builtin, upscale=comfyui, edit=kie\n")
    typed += [sandbox.token, "right", "right", sandbox.token]

    answers = await answers_to(server, InstallOptions(provider="fal"))
    with pytest.raises(ConfigError, match=r"^IMGBOT_PROVIDER: write one provider here, "):
        # A rollback must start with what the installation wrote.
        await answers_to(server, InstallOptions(provider="fal, upscale=kie"))

    assert answers.provider == "fal, upscale=comfyui, edit=kie"
    assert set(answers.keys) == {"FAL_KEY", "KIE_API_KEY"}


async def test_secrets_come_from_files_without_a_terminal(
    sandbox: Sandbox, server: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("right\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{sandbox.token}\nright\n"))

    both = await answers_to(server, InstallOptions("-", "replicate", "-"))
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{sandbox.token}\n"))
    file = await answers_to(server, InstallOptions(None, "kie", str(tmp_path / "key")))
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{sandbox.token}\n"))
    own = extending("kie", tmp_path, "prices_usd = { create = 0.03 }")
    extended = await answers_to(server, InstallOptions(None, own, str(tmp_path / "key")))

    assert dict(both.keys) == {"REPLICATE_API_TOKEN": "right"}
    assert (extended.provider, extended.keys) == (own, file.keys)
    assert dict(file.keys) == {"KIE_API_KEY": "right"}


async def test_a_key_for_a_provider_without_one_is_refused(
    sandbox: Sandbox, server: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{sandbox.token}\n"))

    with pytest.raises(ConfigError, match="--provider"):
        await answers_to(server, InstallOptions(key_file=str(tmp_path / "key")))


async def test_variables_of_the_shell_are_named_and_not_silently_ignored(
    sandbox: Sandbox,
    server: Layout,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{sandbox.token}\n"))
    monkeypatch.setenv("IMGBOT_WORKERS", "7")

    await answers_to(server, InstallOptions())

    [note] = capsys.readouterr().out.splitlines()
    assert "IMGBOT_WORKERS of this shell is ignored" in note
    assert str(server.environment_file) in note


def test_a_certificate_that_is_refused_points_to_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object) -> None:
        raise aiohttp.ClientConnectorCertificateError(Mock(), ValueError())

    monkeypatch.setattr(telegram, "call_once", refuse)

    with pytest.raises(TelegramAwayError, match=r"the server's clock, which shows \d\d \w+ 20\d\d"):
        ask_telegram("https://api.telegram.org", TOKEN)
