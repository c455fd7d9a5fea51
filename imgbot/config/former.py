"""Settings of the previous release, and what became of each; can go after the first release."""

import os
import re
from collections.abc import Container, Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path

from imgbot.domain.errors import ConfigError
from imgbot.domain.operations import ACTIONS

_PROVIDER = "IMGBOT_PROVIDER"
_CHAT = "IMGBOT_CHAT"
_ENTRIES: Mapping[str, tuple[str, str]] = {
    **{f"{_PROVIDER}_{each.upper()}": (_PROVIDER, f"{each}=") for each in ACTIONS},
    "IMGBOT_USER_DAILY_LIMIT": ("IMGBOT_PER_USER", "usd="),
    "IMGBOT_USER_PICTURES_PER_DAY": ("IMGBOT_PER_USER", "pictures="),
    "IMGBOT_WAITING_PER_USER": ("IMGBOT_PER_USER", "waiting="),
    "IMGBOT_RUNNING_PER_USER": ("IMGBOT_PER_USER", "running="),
    "IMGBOT_GROUP_PICTURES_PER_DAY": ("IMGBOT_PER_GROUP", "pictures="),
    "IMGBOT_CHAT_URL": (_CHAT, ""),
    "IMGBOT_CHAT_MODEL": (_CHAT, ""),
}
"""Former setting → the present one, and the entry there that takes its value."""

_WITHOUT_EFFECT: Mapping[str, str] = {
    "IMGBOT_ACCEPT_VOLATILE_REDIS": "a Redis that may lose jobs is always refused",
    "IMGBOT_CHAT_DAILY_LIMIT": "the chat model is asked at most 500 times a day",
    "IMGBOT_LEARN": "nothing is learned from answers; texts that were kept for it are deleted",
    "IMGBOT_LOCAL_MODEL": "docs/providers.md says how a model on this server makes pictures",
    "IMGBOT_LOG_FORMAT": "`journalctl -o json` prints the log for a collector",
    "IMGBOT_MODEL_MIRROR": "no model is fetched",
    "IMGBOT_POLLING": "polls are always timed by what is learned",
    "IMGBOT_STORE_CHAT": "a mention by somebody who has not started the bot gets a link to it",
    "IMGBOT_WITHOUT_REPLICA": "a leader without its replica goes on, as safe as a single server",
}

_IN_FILE: Mapping[str, str] = {
    "IMGBOT_MODELS": 'usual = { create = "MODEL" }',
    "IMGBOT_MODELS_OFFERED": 'offered = ["MODEL", "MODEL"]',
    "IMGBOT_PICTURE_LIMIT": "price_limit_usd = 0.10",
    "IMGBOT_PRICES": "prices_usd = { create = 0.04 }",
    "IMGBOT_PROVIDER_LIMITS": "limits = { orders = 1200, window_s = 60 }",
}
"""Former setting → the line of the provider's file that takes its value."""

_LOCAL_MODEL = re.compile(r"(?<![^\s,=])local(?![^\s,])")
"""Former provider: a model on this server."""

FORMER = (*_ENTRIES, *_WITHOUT_EFFECT, *_IN_FILE)


def replace_former(values: MutableMapping[str, object]) -> tuple[str, ...]:
    """Move the values of former settings to the present ones; return a notice about each.

    Raises ConfigError for one that belongs to a provider.
    """
    found = {name: value for name in FORMER if (value := values.pop(name, ""))}
    _refuse([name for name in _IN_FILE if name in found])
    moved = [name for name in _ENTRIES if name in found]
    for name in moved:
        _move(values, *_ENTRIES[name], found[name])
    return (*_replace_local_model(values), *_notices(values, moved, found))


def _move(values: MutableMapping[str, object], setting: str, entry: str, value: object) -> None:
    present = values.get(setting) or ("builtin" if setting == _PROVIDER else "")
    between = "" if not present else " " if setting == _CHAT else ", "
    values[setting] = f"{present}{between}{entry}{value}"


def _notices(
    values: Mapping[str, object], moved: Sequence[str], found: Container[str]
) -> Iterator[str]:
    for name in moved:
        setting, _ = _ENTRIES[name]
        yield f"{name} has a new name; write {setting}={values[setting]}"
    for name, why in _WITHOUT_EFFECT.items():
        if name in found:
            yield f"{name} has no effect any longer ({why}); remove it"


def _refuse(names: Sequence[str]) -> None:
    """Refuse settings of a provider: they limit what a picture costs. Raises ConfigError."""
    if names:
        lines = " and ".join(_IN_FILE[name] for name in names)
        raise ConfigError(
            ", ".join(names),
            f"what belongs to a provider stands in its file; write there {lines} (in a new one "
            f'below the line extends = "PRESET"), and the path of the file as {_PROVIDER}',
        )


def _replace_local_model(values: MutableMapping[str, object]) -> Iterator[str]:
    """Let the built-in engine make what the provider `local` made; yield a notice about each."""
    for name in (_PROVIDER, f"{_PROVIDER}_FALLBACK"):
        value, count = _LOCAL_MODEL.subn("builtin", str(values.get(name, "")))
        if count:
            values[name] = value
            gone = "a provider that is gone, local (see docs/providers.md)"
            yield f"{name} names {gone}; write {name}={value}"


def changed_in_chat(state_dir: Path) -> tuple[str, ...]:
    """Return a notice about the former file of settings that were changed from the chat."""
    path = state_dir / "changed.env"
    why = "settings are changed in the environment file alone"
    notice = f"{path} has no effect any longer ({why}); move what should hold there, and remove it"
    # Its owner is the service: it is named, and not read.
    return (notice,) if os.path.lexists(path) else ()
