"""That this machine was tested under load: a small file in the state directory, for the doctor."""

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from imgbot.files import replace_file
from imgbot.ops.state_dir import LOADTEST_RECORD

MOST_USERS = 5_000
"""So many people a test plays at most."""

_MOST_BYTES = 1000
_YEAR_10_000_S = 253_402_300_800


@dataclass(frozen=True, slots=True)
class LoadTestRecord:
    """The latest test: of how many users, and whether the guide's criteria held."""

    users: int
    workers: int
    is_good: bool
    at_s: float
    """Since 1970."""

    @property
    def day(self) -> str:
        return time.strftime("%Y-%m-%d", time.localtime(self.at_s))


def write_record(state_dir: Path, note: LoadTestRecord) -> None:
    """Keep the note; raises OSError where there is no such folder, or it may not be written."""
    owner = state_dir.stat() if os.geteuid() == 0 else None
    replace_file(state_dir / LOADTEST_RECORD, json.dumps(asdict(note)) + "\n", 0o644, owner)


def read_record(state_dir: Path) -> LoadTestRecord | None:
    """Return the note, None where there is none that can be read.

    The doctor is root, and whoever owns the folder may have put anything there.
    """
    try:
        # A pipe would be waited for, a link followed.
        descriptor = os.open(state_dir / LOADTEST_RECORD, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        try:
            text = os.read(descriptor, _MOST_BYTES)
        finally:
            os.close(descriptor)
        return _note_of(json.loads(text))
    except (OSError, ValueError, RecursionError):
        return None


def _note_of(fields: Any) -> LoadTestRecord | None:
    match fields:
        case {"users": users, "workers": workers, "is_good": bool(is_good), "at_s": at_s} if (
            type(users) is type(workers) is int
            and 0 < users <= MOST_USERS
            and workers > 0
            and isinstance(at_s, int | float)
            # What is no number at all is not less than another.
            and 0 <= at_s < _YEAR_10_000_S
        ):
            return LoadTestRecord(users, workers, is_good, float(at_s))
    return None
