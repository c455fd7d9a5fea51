"""That this machine was tested under load: a small file in the state directory, for the doctor."""

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from imgbot.ops.files import replace_file

NAME = "loadtest.json"
MOST_USERS = 5_000
"""So many people a test plays at most."""

_MOST_BYTES = 1000


@dataclass(frozen=True, slots=True)
class Note:
    """The latest test: of how many users, and whether the guide's criteria held."""

    users: int
    workers: int
    is_good: bool
    at_s: float
    """Since 1970."""

    @property
    def day(self) -> str:
        return time.strftime("%Y-%m-%d", time.localtime(self.at_s))


def write_note(state_dir: Path, note: Note) -> None:
    """Keep the note; raises OSError where there is no such folder, or it may not be written."""
    path = state_dir / NAME
    replace_file(path, json.dumps(asdict(note)) + "\n", 0o644)
    if os.geteuid() == 0:
        owner = state_dir.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def read_note(state_dir: Path) -> Note | None:
    """Return the note, None where there is none that can be read."""
    try:
        with (state_dir / NAME).open(encoding="utf-8") as file:
            fields = json.loads(file.read(_MOST_BYTES))
        return Note(
            int(fields["users"]),
            int(fields["workers"]),
            fields["is_good"] is True,
            float(fields["at_s"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
