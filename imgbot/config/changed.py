"""Settings changed from the chat: a file of the state directory, read after the environment file.

For each change it has a comment (when, by whom, what was there before) and the setting; the last
line of a setting counts, and an empty one gives it back to the environment file.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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
        """Return the value in use, empty if its default is. Raises ConfigError."""
        return SettingsSource(self.environ).variables().get(name, "")

    def check(self, name: str, value: str) -> None:
        """Raise ConfigError for a value that the next start would refuse; empty is always fine."""
        if name not in CHANGEABLE:
            raise ConfigError(name, f"cannot be changed here, only {', '.join(CHANGEABLE)}")
        if any(not sign.isprintable() for sign in value):
            raise ConfigError(name, f"write one line: {docs()[name]['expected']}")
        SettingsSource(self.environ, {name: value} if value else {}).read()

    def write(self, name: str, value: str, by: str) -> None:
        """Change a setting. Raises ConfigError, OSError."""
        self.check(name, value)
        at = time.strftime("%Y-%m-%d %H:%M")
        before = self.value_of(name) or "its default"
        change = (f"# {at}, {by}; before: {before}", f"{name}={json.dumps(value)}")
        others = [each for each in self._changes() if not each[1].startswith(f"{name}=")]
        kept = [*others, *self._changes_of(name)[-_KEPT + 1 :], change]
        text = "".join(f"{comment}\n{line}\n" for comment, line in kept)
        replace_file(self.path, text, 0o600)

    def former(self, name: str) -> str:
        """Return the value that an undo goes back to; empty for that of the environment file."""
        earlier = self._changes_of(name)[:-1]
        return json.loads(earlier[-1][1].partition("=")[2]) if earlier else ""

    def _changes_of(self, name: str) -> list[tuple[str, str]]:
        return [each for each in self._changes() if each[1].startswith(f"{name}=")]

    def _changes(self) -> list[tuple[str, str]]:
        read_environment_file(self.path)
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        return list(zip(lines[::2], lines[1::2], strict=False))
