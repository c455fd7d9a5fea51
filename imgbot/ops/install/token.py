"""The token and keys of an installation: from where they come, and the token's account."""

import asyncio
import getpass
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, TypeVar

from pydantic import SecretStr

from imgbot.config.setting_types import check_token
from imgbot.domain.errors import ConfigError
from imgbot.ops.doctor.telegram import ask
from imgbot.ops.install.release import InstallError

_SETTING = "IMGBOT_TOKEN"
_MAX_BYTES = 1000
_TRIES = 3

T = TypeVar("T")


class TelegramAwayError(InstallError):
    """Telegram cannot be asked now, so the token cannot be verified."""


@dataclass(frozen=True, slots=True)
class Account:
    """Bot account of a token."""

    id: int
    username: str


def read_secret(
    file: str | None,
    stdin: TextIO,
    prompt: str,
    accept: Callable[[str], T],
    tell: Callable[[str], None],
) -> T:
    """Read a secret: from a file, from stdin (`-`, or whenever it is no terminal), or by asking.

    Whoever is asked and mistypes it is asked again. Returns what `accept` makes of it. Raises what
    `accept` does, ConfigError for what it refuses, InstallError for a file that cannot be read.
    """
    if file not in {None, "-"}:
        return accept(_from_file(Path(str(file))).strip())
    if not stdin.isatty():
        return accept(_line_of(stdin.readline))
    for _ in range(_TRIES - 1):
        text = _line_of(lambda _: getpass.getpass(prompt))
        try:
            return accept(text)
        except ConfigError as error:
            tell(f"{error}; once more")
    return accept(_line_of(lambda _: getpass.getpass(prompt)))


def stored_token(path: Path) -> str | None:
    """Return the token that is stored, None without one. Raises ConfigError, InstallError."""
    return as_token(_from_file(path)) if path.exists() else None


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
        raise InstallError(f"{path} cannot be read: {reason}") from None


def _line_of(read: Callable[[int], str]) -> str:
    try:
        return read(_MAX_BYTES).strip()
    except (EOFError, UnicodeDecodeError):
        # Ctrl-D, or a file that is no text.
        return ""


def as_token(text: str) -> str:
    """Return the token. Raises ConfigError for what is none."""
    token = text.strip()
    try:
        check_token(SecretStr(token))
    except ValueError:
        raise ConfigError(
            _SETTING, "this is no token; one looks like 123456789:AAE… (@BotFather gives it)"
        ) from None
    return token
