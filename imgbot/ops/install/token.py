"""The bot's token: from where it comes, and whether Telegram knows it. Never in argv."""

import asyncio
import getpass
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from pydantic import SecretStr

from imgbot.errors import ConfigError
from imgbot.ops.doctor.telegram import ask
from imgbot.ops.install.release import InstallError
from imgbot.ops.setting_types import check_token

_SETTING = "IMGBOT_TOKEN"
_MAX_BYTES = 1000


class TelegramAwayError(InstallError):
    """Whether the token is right cannot be told now."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who the token is."""

    id: int
    username: str


def read_token(file: str | None, stdin: TextIO) -> str:
    """Read a token: from a file, from stdin (`-`, or whenever it is no terminal), or by asking.

    Raises ConfigError for what is no token, InstallError for a file that cannot be read.
    """
    if file not in {None, "-"}:
        return _checked(_from_file(Path(str(file))))
    try:
        if stdin.isatty():
            text = getpass.getpass("Token of the bot, from @BotFather (not shown): ")
        else:
            text = stdin.readline(_MAX_BYTES)
    except (EOFError, UnicodeDecodeError):
        # Ctrl-D, or a file that is no text.
        text = ""
    return _checked(text)


def stored_token(path: Path) -> str | None:
    """Return the token that is stored, None without one. Raises ConfigError, InstallError."""
    return _checked(_from_file(path)) if path.exists() else None


def ask_telegram(api: str, token: str) -> Account:
    """Ask getMe. Raises ConfigError for a wrong token, TelegramAwayError without an answer."""
    said = asyncio.run(ask(api.rstrip("/"), token, may_poll=False))
    if said.refusal in {401, 404}:
        raise ConfigError(
            _SETTING, "Telegram does not know this token; ask @BotFather for the right one"
        )
    identity = (said.me or {}).get("id")
    if said.me is None or not isinstance(identity, int):
        why = said.silence or f"HTTP {said.refusal or 200}"
        raise TelegramAwayError(f"Telegram could not be asked at {api} ({why})")
    return Account(identity, str(said.me.get("username", "")))


def _from_file(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline(_MAX_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InstallError(f"the token cannot be read from {path}: {reason}") from None


def _checked(text: str) -> str:
    token = text.strip()
    try:
        check_token(SecretStr(token))
    except ValueError:
        raise ConfigError(
            _SETTING, "this is no token; one looks like 123456789:AAE… (@BotFather gives it)"
        ) from None
    return token
