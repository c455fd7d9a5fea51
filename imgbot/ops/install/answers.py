"""Answers for an installation: token, provider and keys, from where they come, checked at once."""

import asyncio
import getpass
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import aiohttp
from pydantic import SecretStr

from imgbot.config.setting_types import check_token, entries
from imgbot.config.settings import Settings, key_names, key_names_of, key_variables
from imgbot.config.sources import NO_PROVIDERS, PLACEHOLDER_TOKEN, SettingsSource, merged
from imgbot.domain.errors import ConfigError
from imgbot.domain.findings import Finding, Severity
from imgbot.ops import dns
from imgbot.ops.doctor import telegram
from imgbot.ops.formatting import say
from imgbot.ops.install.release import InstallError
from imgbot.ops.installation import Layout

CheckProvider = Callable[[Settings, str], Finding]
"""Checks a provider, by its name, without a request that costs anything."""

T = TypeVar("T")

_TOKEN, _PROVIDER = "IMGBOT_TOKEN", "IMGBOT_PROVIDER"
_MAX_BYTES = 1000


class TelegramAwayError(InstallError):
    """Telegram cannot be asked now, so the token cannot be verified."""


@dataclass(frozen=True, slots=True)
class InstallOptions:
    """Options of the command line for an installation."""

    token_file: str | None = None
    provider: str | None = None
    key_file: str | None = None
    is_dry_run: bool = False
    with_sandbox: bool = False


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers of the operator; None or empty for what stays unchanged."""

    token: str | None = field(default=None, repr=False)
    keys: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Key of a provider by its variable."""
    provider: str | None = None
    drop_in: str = ""
    """Drop-in for the DNS resolver; empty to write none."""


def may_write_drop_in(layout: Layout) -> bool:
    """Ask whether the unit may let a DNS resolver through that it would block."""
    why = (
        "the DNS resolver of this server has a private address, which the unit blocks "
        f"({dns.SETTING}): the service could look up no name"
    )
    if not sys.stdin.isatty():
        say(f"note: {why}; if it does not start: {dns.advice(layout)}")
        return False
    say(f"{why}. A drop-in for this address would be {layout.dns_drop_in}")
    return _ask(input, "Write it? [Y/n] ", str.lower) in {"", "y", "yes"}


def read_secret(file: str | None, prompt: str, accept: Callable[[str], T]) -> T:
    """Read a secret: from a file, from stdin (`-`, or whenever it is no terminal), or by asking.

    Returns what `accept` makes of it. Raises what `accept` does, ConfigError for what it refuses,
    InstallError for a file that cannot be read.
    """
    if file not in {None, "-"}:
        return accept(_first_line(Path(str(file))))
    if not sys.stdin.isatty():
        return accept(sys.stdin.readline(_MAX_BYTES).strip())
    return _ask(getpass.getpass, prompt, accept)


def _ask(read: Callable[[str], str], prompt: str, accept: Callable[[str], T]) -> T:
    """Ask until the answer is accepted; Ctrl-D is an empty answer, and the last."""
    while True:
        try:
            return accept(read(prompt).strip())
        except ConfigError as error:
            say(f"{error}; try again")
        except EOFError:
            return accept("")


def _first_line(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.readline(_MAX_BYTES).strip()
    except OSError as error:
        raise InstallError(f"{path} cannot be read: {error.strerror}") from None


def as_token(text: str) -> str:
    """Return the token. Raises ConfigError for anything else."""
    try:
        return check_token(SecretStr(text)).get_secret_value()
    except ValueError:
        raise ConfigError(
            _TOKEN, "this is not a token; one looks like 123456789:AAE… (from @BotFather)"
        ) from None


def ask_telegram(api: str, token: str) -> str:
    """Return the name of the token's bot.

    Raises ConfigError for a wrong token, TelegramAwayError without an answer.
    """
    try:
        status, me = asyncio.run(telegram.call_once(api.rstrip("/"), token, "getMe"))
    except telegram.NETWORK_ERRORS as error:
        what = "network connection"
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            what = f"clock, which shows {datetime.now(UTC):%d %B %Y}"
        raise TelegramAwayError(
            f"Telegram could not be reached at {api} ({type(error).__name__}): "
            f"check the server's {what}"
        ) from None
    if status in {401, 404}:
        raise ConfigError(
            _TOKEN, "Telegram does not know this token; get the right one from @BotFather"
        )
    if not isinstance(me.get("id"), int):
        raise TelegramAwayError(f"Telegram could not be reached at {api} (HTTP {status})")
    return str(me.get("username", ""))


def placeholders(options: InstallOptions, layout: Layout) -> Answers:
    """Give answers with placeholders, for a plan that is only printed."""
    key = key_names_of(options.provider or "").key
    is_new = bool(key) and (options.key_file or not _is_stored(layout, key))
    token = None if _is_stored(layout, layout.token.name) else PLACEHOLDER_TOKEN
    return Answers(token, {key: PLACEHOLDER_TOKEN} if is_new else {}, options.provider)


def _is_stored(layout: Layout, name: str) -> bool:
    try:
        return (layout.credentials / name).exists()
    except PermissionError:
        # Only root may look: if the folder exists, so does an installation.
        return True


def gather(options: InstallOptions, layout: Layout, check: CheckProvider) -> tuple[Answers, str]:
    """Read or ask for what is not stored yet; check it, and all settings as the service will.

    Returns the answers and the bot's name, empty while Telegram cannot be asked. Raises
    ConfigError for what is wrong, InstallError for what cannot be read or checked.
    """
    for name in sorted(os.environ):
        if name.startswith("IMGBOT_") or name in key_variables():
            where = f"{layout.environment_file}, --token-file and --key-file"
            say(f"note: {name} of this shell is ignored; the service has {where}")
    return _Questions(options, layout, check).answers()


class _Questions:
    """Questions to the operator, each answered by the options, what is stored, or by asking."""

    def __init__(self, options: InstallOptions, layout: Layout, check: CheckProvider) -> None:
        self._options, self._layout, self._check = options, layout, check
        # The variables from which the service will read its settings.
        self._environ = {"STATE_DIRECTORY": str(layout.data)}
        if layout.credentials.is_dir():
            self._environ["CREDENTIALS_DIRECTORY"] = str(layout.credentials)
        if layout.environment_file.exists():
            self._environ["IMGBOT_ENVIRONMENT_FILE"] = str(layout.environment_file)
        self._given: dict[str, object] = {_TOKEN: PLACEHOLDER_TOKEN}
        """Variables that have been answered."""

    def answers(self) -> tuple[Answers, str]:
        token, username, is_new = self._token()
        self._given[_TOKEN] = token
        provider = self._given[_PROVIDER] = self._provider()
        keys: dict[str, str] = {}
        if self._options.key_file is not None:
            variable = self._variable_of_key_file()
            keys[variable] = self._key(variable, self._options.key_file)
        while variable := self._missing_key(keys):
            keys[variable] = self._key(variable, None)
        return Answers(token if is_new else None, keys, provider), username

    def _settings(self, *overrides: Mapping[str, object]) -> Settings:
        """Read all settings as the service will. Raises ConfigError."""
        given = dict(self._given)
        for each in overrides:
            given |= each
        return SettingsSource(self._environ, given).read()

    def _token(self) -> tuple[str, str, bool]:
        """Return the token, the name of its bot, and whether it is to be stored."""
        api, file = self._settings(NO_PROVIDERS).telegram_api, self._options.token_file

        def accept(text: str) -> tuple[str, str]:
            return (token := as_token(text)), ask_telegram(api, token)

        if file is None and self._layout.token.exists():
            stored = as_token(_first_line(self._layout.token))
            try:
                return *accept(stored), False
            except TelegramAwayError as error:
                say(f"note: {error}; the stored token worked before, so it is kept")
                return stored, "", False
        prompt = "Bot token from @BotFather (not shown): "
        return *read_secret(file, prompt, accept), True

    def _provider(self) -> str | None:
        """Return the provider to be written into the settings, None to leave them."""
        stored = entries(self._stored_provider())
        others = [f"{operation}={provider}" for operation, provider in stored if operation]

        def accept(name: str) -> str | None:
            if "," in name or "=" in name:
                where = f"those of single operations into {self._layout.environment_file}"
                raise ConfigError(_PROVIDER, f"write one provider here, {where}")
            chosen = ", ".join([name or "builtin", *others])
            try:
                self._settings({_PROVIDER: chosen})
            except ConfigError as error:
                # The others and the keys are checked afterwards.
                if error.setting == _PROVIDER:
                    raise
            return chosen if name else None

        if self._options.provider is not None:
            return accept(self._options.provider)
        if self._layout.environment_file.exists() or not sys.stdin.isatty():
            return None
        names = ", ".join(name for name in key_names() if name != "builtin")
        prompt = f"Image provider: {names}; Enter for builtin, which needs no key: "
        return _ask(input, prompt, accept)

    def _key(self, variable: str, file: str | None) -> str:
        """Return a provider's key, which the provider accepts."""
        provider = next(name for name, names in key_names().items() if names.key == variable)

        def accept(key: str) -> str:
            if not key:
                raise ConfigError(variable, f"is missing; the provider {provider} needs its key")
            settings = self._settings(NO_PROVIDERS, {_PROVIDER: provider, variable: key})
            finding = self._check(settings, provider)
            if finding.level is Severity.WRONG:
                raise ConfigError(variable, f"{finding.check} {finding.text}")
            say(f"{finding.check}: {finding.text}")
            return key

        prompt = f"Key of {provider}, {variable} (not shown): "
        return read_secret(file, prompt, accept)

    def _variable_of_key_file(self) -> str:
        chosen = self._given[_PROVIDER] or self._stored_provider()
        provider = dict(entries(chosen)).get("", "builtin")
        if (variable := key_names_of(provider).key) not in key_variables():
            raise ConfigError(
                "--key-file",
                f"the provider {provider} takes no key; name another with --provider",
            )
        return variable

    def _stored_provider(self) -> str:
        return merged(self._environ).get(_PROVIDER, "")

    def _missing_key(self, keys: Mapping[str, str]) -> str:
        """Return the variable of a missing key, empty if none is missing; check all else."""
        try:
            self._settings(keys)
        except ConfigError as error:
            if error.setting not in key_variables() or not error.is_missing:
                raise
            return error.setting
        return ""
