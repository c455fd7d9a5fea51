"""Settings of the previous release, and what became of each; can go after the first release."""

import os
import re
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path

from imgbot.domain.operations import ACTIONS

_PROVIDER = "IMGBOT_PROVIDER"

_ENTRIES: Mapping[str, str] = {
    f"{_PROVIDER}_{operation.upper()}": f"{operation}=" for operation in ACTIONS
}
"""Former setting → entry of IMGBOT_PROVIDER that takes its value."""

_WITHOUT_EFFECT: Mapping[str, str] = {
    "IMGBOT_ACCEPT_VOLATILE_REDIS": "a Redis that may lose jobs is always refused",
    "IMGBOT_CHAT_DAILY_LIMIT": "the chat model is asked at most 500 times a day",
    "IMGBOT_LEARN": "nothing is learned from answers; texts that were kept for it are deleted",
    "IMGBOT_LOCAL_MODEL": "README says how a model on this server makes pictures",
    "IMGBOT_LOG_FORMAT": "`journalctl -o json` prints the log for a collector",
    "IMGBOT_MODEL_MIRROR": "no model is fetched",
    "IMGBOT_POLLING": "polls are always timed by what is learned",
    "IMGBOT_STORE_CHAT": "a mention by somebody who has not started the bot gets a link to it",
    "IMGBOT_WITHOUT_REPLICA": "a leader without its replica goes on, as safe as a single server",
}

_LOCAL_MODEL = re.compile(r"(?<![^\s,=])local(?![^\s,])")
"""Former provider: a model on this server."""

FORMER = (*_ENTRIES, *_WITHOUT_EFFECT)


def replace_former(values: MutableMapping[str, object]) -> tuple[str, ...]:
    """Move the values of former settings to the present ones; return a notice about each."""
    found = {name: value for name in FORMER if (value := values.pop(name, ""))}
    moved = [f"{entry}{found[name]}" for name, entry in _ENTRIES.items() if name in found]
    if moved:
        values[_PROVIDER] = ", ".join([str(values.get(_PROVIDER) or "builtin"), *moved])
    return (
        *_replace_local_model(values),
        *(
            f"{name} has a new name; write {_PROVIDER}={values[_PROVIDER]}"
            if name in _ENTRIES
            else f"{name} has no effect any longer ({_WITHOUT_EFFECT[name]}); remove it"
            for name in found
        ),
    )


def _replace_local_model(values: MutableMapping[str, object]) -> Iterator[str]:
    """Let the built-in engine make what the provider `local` made; yield a notice about each."""
    for name in (_PROVIDER, f"{_PROVIDER}_FALLBACK"):
        value, count = _LOCAL_MODEL.subn("builtin", str(values.get(name, "")))
        if count:
            values[name] = value
            yield f"{name} names a provider that is gone, local (see README); write {name}={value}"
    name = f"{_PROVIDER}_LIMITS"
    entries = re.split(r"\s*,\s*", str(values.get(name, "")).strip())
    kept = [each for each in entries if not each.startswith("local=")]
    if len(kept) < len(entries):
        values[name] = ", ".join(kept)
        yield f"{name} names a provider that is gone, local; remove it there"


def changed_in_chat(state_dir: Path) -> tuple[str, ...]:
    """Return a notice about the former file of settings that were changed from the chat."""
    path = state_dir / "changed.env"
    why = "settings are changed in the environment file alone"
    told = f"{path} has no effect any longer ({why}); move what should hold there, and remove it"
    # Its owner is the service: it is named, and not read.
    return (told,) if os.path.lexists(path) else ()
