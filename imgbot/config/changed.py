"""Settings changed from the chat: a file of the state directory, read after the environment file.

For each change it has a comment (when, by whom, what was there before) and the setting; the last
line of a setting counts, and an empty one gives it back to the environment file.
"""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imgbot.config.settings import Settings
from imgbot.config.sources import CHANGED, SettingsSource, docs, read_environment_file
from imgbot.domain.errors import ConfigError
from imgbot.files import replace_file

CHANGEABLE = (
    "IMGBOT_DAILY_BUDGET",
    "IMGBOT_USER_DAILY_LIMIT",
    "IMGBOT_USER_PICTURES_PER_DAY",
    "IMGBOT_GROUP_PICTURES_PER_DAY",
    "IMGBOT_RATE_LIMIT_MAX_REQUESTS",
    "IMGBOT_RATE_LIMIT_WINDOW",
    "IMGBOT_RUNNING_PER_USER",
    "IMGBOT_WAITING_PER_USER",
    "IMGBOT_PROVIDER",
    "IMGBOT_PROVIDER_FALLBACK",
    "IMGBOT_MODELS",
    "IMGBOT_MODELS_OFFERED",
    "IMGBOT_WELCOME",
)
"""Settings without a secret that a chat may change."""

_CHANGE = re.compile(r"(?:^#.*\n)?^([^#=\n]+)=.*", re.MULTILINE)
_KEPT = 2
"""Changes of one setting that are kept: the last, and the one that an undo goes back to."""


@dataclass(frozen=True, slots=True)
class ChangedSettings:
    """File of the changes, and the environment that they are checked with."""

    state_dir: Path
    environ: Mapping[str, str]

    @property
    def path(self) -> Path:
        return self.state_dir / CHANGED

    def value_of(self, name: str) -> str:
        """Return the value in use, empty where it is the default. Raises ConfigError."""
        return SettingsSource(self.environ).variables().get(name, "")

    def default_of(self, name: str) -> str:
        return str(Settings.model_fields[name.removeprefix("IMGBOT_").lower()].default)

    def check(self, name: str, value: str) -> Settings:
        """Return the settings with a change. Raises ConfigError for a value that is refused."""
        if name not in CHANGEABLE:
            raise ConfigError(name, f"cannot be changed here, only {', '.join(CHANGEABLE)}")
        if any(not sign.isprintable() for sign in value):
            raise ConfigError(name, f"write one line: {docs()[name]['expected']}")
        return SettingsSource(self.environ, {name: value} if value else {}).read()

    def write(self, name: str, value: str, by: str) -> None:
        """Change a setting. Raises ConfigError, OSError."""
        self.check(name, value)
        before = self.value_of(name)
        comment = f"# {time.strftime('%Y-%m-%d %H:%M')}, {by}; before: {_quoted(before)}"
        own = [each for each in self._changes() if each[0] == name]
        others = [each for each in self._changes() if each[0] != name]
        kept = [*others, *own[-_KEPT + 1 :], (name, f"{comment}\n{name}={_quoted(value)}\n")]
        replace_file(self.path, "".join(text for _, text in kept), 0o600)
        if read_environment_file(self.path).get(name, "") != value:
            raise ConfigError(name, "cannot be written so that it is read again")

    def former(self, name: str) -> str:
        """Return the value that an undo goes back to; empty for that of the environment file."""
        own = [text for each, text in self._changes() if each == name]
        earlier = own[-2].splitlines()[-1].partition("=")[2] if len(own) > 1 else ""
        # A line that somebody wrote into the file has no quotes.
        return str(json.loads(earlier)) if earlier.startswith('"') else earlier

    def _changes(self) -> list[tuple[str, str]]:
        """Return the name and the lines of each change: a setting, and the comment above it."""
        read_environment_file(self.path)
        text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        return [(found[1], f"{found[0]}\n") for found in _CHANGE.finditer(text)]


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
