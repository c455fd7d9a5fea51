"""Sources of settings: variables, files, systemd credentials, the command line.

Later ones win: variables < the environment file < credentials < the command line.
"""

import functools
import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from dotenv.parser import parse_stream
from pydantic import BaseModel, ValidationError

from imgbot.config.feature_settings import feature_settings, folders
from imgbot.config.setting_types import entries
from imgbot.config.settings import (
    Settings,
    key_names,
    key_names_of,
    variable_of,
)
from imgbot.domain.errors import ConfigError
from imgbot.domain.operations import OFFERED
from imgbot.domain.spelling import similar

CREDENTIALS = {
    "IMGBOT_TOKEN": "bot-token",
    "IMGBOT_REDIS_URL": "redis-url",
    "IMGBOT_CHAT_KEY": "chat-key",
    "IMGBOT_SPEECH_KEY": "speech-key",
}
"""Variables of secrets, each with the name of its systemd credential."""

PLACEHOLDER_TOKEN = "1000000:" + "0" * 35
"""Stands in where there is no token yet, and the settings are read for something else."""

NO_PROVIDERS: Mapping[str, object] = {
    "IMGBOT_PROVIDER": "builtin",
    "IMGBOT_PROVIDER_FALLBACK": "builtin",
}
"""Overrides with which no provider's file or key need be there."""

NO_TOKEN: Mapping[str, object] = {**NO_PROVIDERS, "IMGBOT_TOKEN": PLACEHOLDER_TOKEN}
"""Likewise the token."""

FIELDS = {
    variable_of(field): info
    for kind in (Settings, *feature_settings())
    for field, info in kind.model_fields.items()
}
"""All variables but the providers' keys."""

S = TypeVar("S", bound=BaseModel)
_FILE = "IMGBOT_ENVIRONMENT_FILE"
_MISSING_KEY = (
    "is missing; the provider {} needs its key, as a variable or a credential of that name"
)


class SettingsSource:
    """The settings of one process, to be read at its start and at every reload."""

    def __init__(
        self, environ: Mapping[str, str], overrides: Mapping[str, object] | None = None
    ) -> None:
        self._environ = dict(environ)
        self._overrides = dict(overrides or {})
        self._file_at_start: dict[str, str] | None = None

    def read(self) -> Settings:
        """Read all sources anew. Raises ConfigError."""
        path = self._environ.get(_FILE, "")
        file = self._lines(Path(path)) if path else {}
        if self._file_at_start is None:
            self._file_at_start = file
        # systemd handed the file's lines over as variables too, once: a line that
        # has been removed from the file since must not live on in them.
        at_start = self._file_at_start
        environ = {name: v for name, v in self._environ.items() if name not in at_start}
        return load_settings(environ | file, self._overrides)

    def _lines(self, path: Path) -> dict[str, str]:
        try:
            return read_environment_file(path)
        except ConfigError as error:
            is_closed = isinstance(error.__cause__, PermissionError)
            if is_closed and self._file_at_start is None and "NOTIFY_SOCKET" in self._environ:
                # One that holds a key and is root's alone: systemd has read it as root (its
                # EnvironmentFile=), and handed its lines over as variables.
                return {}
            raise


def load_settings(environ: Mapping[str, str], overrides: Mapping[str, object] = {}) -> Settings:
    """Check everything and return the settings; ConfigError names the first variable refused.

    `overrides` are variables too (`{"IMGBOT_WORKERS": 7}`), from the command line.
    """
    _check_names(environ)
    over = {name: value for name, value in overrides.items() if value is not None}
    values = _given(environ, FIELDS)
    if "IMGBOT_USERS" in over:
        # --users asks for another size: a number of workers set elsewhere must not defeat it.
        values.pop("IMGBOT_WORKERS", None)
    values |= {name: over[name] for name in FIELDS.keys() & over.keys()}
    if "IMGBOT_STATE_DIR" not in values:
        values["IMGBOT_STATE_DIR"] = _default_state_dir(environ)
    settings = _checked(Settings, values)
    of_features = tuple(_checked(kind, values) for kind in feature_settings())
    find = functools.partial(_given, {**environ, **{name: str(over[name]) for name in over}})
    settings.keep(find, of_features)
    _check_together(settings)
    return settings


def _checked(kind: type[S], values: Mapping[str, object]) -> S:
    """Return the settings of this kind among the values. Raises ConfigError."""
    names = {variable_of(field) for field in kind.model_fields}
    own = {name: value for name, value in values.items() if name in names}
    try:
        return kind.model_validate(own)
    except ValidationError as refusal:
        raise _config_error(refusal, own) from None


def read_environment_file(path: Path) -> dict[str, str]:
    """Parse a file as systemd's EnvironmentFile= does; a missing one is empty, as there."""
    try:
        with path.open(encoding="utf-8") as file:
            lines = list(parse_stream(file))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(_FILE, f"{path} cannot be read: {why}") from error
    for line in lines:
        if line.error or (line.key and line.value is None):
            # The parser counts the blank lines above a line to it.
            text = line.original.string
            number = line.original.line + text[: len(text) - len(text.lstrip())].count("\n")
            raise ConfigError(
                _FILE, f"line {number} of {path} cannot be understood; write NAME=value"
            )
    return {line.key: line.value for line in lines if line.key and line.value is not None}


@functools.cache
def docs() -> dict[str, dict[str, str]]:
    """Return what settings.toml says of each variable: help, expected, default."""
    places = [files("imgbot.config"), *folders()]
    tables = [tomllib.loads((each / "settings.toml").read_text("utf-8")) for each in places]
    presets = [name for name in key_names() if name != "builtin"]
    names = {
        "presets": ", ".join(f"`{name}`" for name in presets),
        "preset_names": ", ".join(presets),
        "operations": ", ".join(f"`{operation}`" for operation in OFFERED),
    }
    return {
        variable_of(field): {
            part: " ".join(text.format(**names).split()) for part, text in about.items()
        }
        for table in tables
        for field, about in table.items()
    }


def _given(environ: Mapping[str, str], names: Iterable[str]) -> dict[str, object]:
    """Return the values of these variables that are set, credentials before variables."""
    found = {name: _credential(environ, name) or environ.get(name, "").strip() for name in names}
    return {name: text for name, text in found.items() if text}


def _credential(environ: Mapping[str, str], variable: str) -> str:
    folder = environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder or (variable in FIELDS and variable not in CREDENTIALS):
        return ""
    path = Path(folder, CREDENTIALS.get(variable, variable))
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        hint = "; it is root's: use sudo" if isinstance(error, PermissionError) else ""
        raise ConfigError(variable, f"the credential {path.name} cannot be read{hint}") from None


def merged(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with those of the environment file. Raises ConfigError."""
    path = environ.get(_FILE, "")
    return dict(environ) | (read_environment_file(Path(path)) if path else {})


def state_dir_of(environ: Mapping[str, str]) -> Path:
    """Return the state directory alone, for those who have no token. Raises ConfigError."""
    given = merged(environ).get("IMGBOT_STATE_DIR", "").strip()
    return Path(given or _default_state_dir(environ))


def provider_files_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the paths that name an own provider, of files that need not be there.

    Raises ConfigError.
    """
    given = merged(environ)
    chosen = [
        provider
        for variable in ("IMGBOT_PROVIDER", "IMGBOT_PROVIDER_FALLBACK")
        for _, provider in entries(given.get(variable, ""))
    ]
    return tuple(dict.fromkeys(name for name in chosen if name.endswith(".toml")))


def _default_state_dir(environ: Mapping[str, str]) -> str:
    # systemd gives several folders with colons between them; the first is ours.
    if folder := environ.get("STATE_DIRECTORY", "").split(":")[0]:
        return folder
    if (base := environ.get("XDG_STATE_HOME", "")).startswith("/"):
        return f"{base}/imgbot"
    if (home := environ.get("HOME", "")).startswith("/"):
        return f"{home}/.local/state/imgbot"
    raise ConfigError("IMGBOT_STATE_DIR", "write the path of a folder that imgbot may write to")


def _check_provider(variable: str, provider: str) -> None:
    """Check that a provider exists. Raises ConfigError."""
    is_file = provider.endswith(".toml")
    if Path(provider).is_file() if is_file else provider in key_names():
        return
    close = () if is_file else similar(provider.lower(), tuple(key_names()), 1)
    hint = f"did you mean {close[0]}?" if close else f"write {docs()[variable]['expected']}"
    kind = "file" if is_file else "provider"
    raise ConfigError(variable, f"there is no {kind} {provider!r}; {hint}")


def _check_together(settings: Settings) -> None:
    for _, provider in settings.provider:
        _check_provider("IMGBOT_PROVIDER", provider)
    _check_provider("IMGBOT_PROVIDER_FALLBACK", settings.provider_fallback or "builtin")
    for provider in settings.providers:
        name = key_names_of(provider).key
        if name and settings.key_of(provider) is None:
            raise ConfigError(name, _MISSING_KEY.format(provider), is_missing=True)
    if settings.poll_interval_max < settings.poll_interval_initial:
        raise ConfigError(
            "IMGBOT_POLL_INTERVAL_MAX",
            f"{settings.poll_interval_max} is less than IMGBOT_POLL_INTERVAL_INITIAL; "
            f"write {settings.poll_interval_initial} or more",
        )


def _check_names(names: Iterable[str]) -> None:
    """Refuse settings that do not exist. Raises ConfigError."""
    for name in names:
        if name.startswith("IMGBOT_") and name not in FIELDS:
            close = similar(name, tuple(FIELDS), 1)
            hint = f"did you mean {close[0]}?" if close else ""
            hint = hint or "remove it (docs/settings.md lists those that exist)"
            raise ConfigError(name, f"there is no such setting; {hint}")


def _config_error(refusal: ValidationError, values: Mapping[str, object]) -> ConfigError:
    variable = str(refusal.errors(include_input=False, include_url=False)[0]["loc"][0])
    write = docs()[variable]["expected"]
    if variable not in values:
        return ConfigError(variable, f"is missing; write {write}", is_missing=True)
    text = str(values[variable])[:100]
    # An address with an @ may carry a password, in any setting.
    is_secret = "SecretStr" in str(FIELDS[variable].annotation) or "@" in text
    shown = "its value" if is_secret else repr(text)
    return ConfigError(variable, f"{shown} cannot be used; write {write}")
