"""Store of finished pictures in full quality, for the button that sends the file.

Standard library only: the supervisor calls it, and no pixel is touched. The oldest files are
deleted first.
"""

import os
from contextlib import suppress
from pathlib import Path

from imgbot.files import PART, commit, copy_file

KEPT_S = 2_592_000
"""30 days, as long as the buttons work."""

SUFFIXES = (".jpg", ".png", ".webp")


def bare_name(job_id: str) -> str:
    """Name under which a job's picture without the words on it is stored."""
    return f"{job_id}.bare"


class OriginalStore:
    """One folder, bounded in bytes and age; `limit_mb` 0 stores nothing."""

    def __init__(self, folder: Path, limit_mb: int) -> None:
        self._folder = folder
        self._limit_bytes = limit_mb << 20
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def keep(self, picture: Path, job_id: str, suffix: str) -> None:
        """Store a picture under the job's id, as a link where the disk can do that.

        If the disk is full, it is skipped.
        """
        if not self._limit_bytes:
            return
        target = self._folder / f"{job_id}{suffix}"
        with suppress(OSError):
            try:
                part = target.with_name(f"{target.name}{PART}")
                os.link(picture, part)
                commit(part, target)
            except OSError:
                copy_file(picture, target)

    def find(self, job_id: str) -> Path | None:
        """Return the job's picture, None if it is no longer stored."""
        names = (self._folder / f"{job_id}{suffix}" for suffix in SUFFIXES)
        return next((path for path in names if path.exists()), None)

    def remove(self, job_id: str) -> None:
        """Delete the job's pictures, if they are stored."""
        for name in (job_id, bare_name(job_id)):
            for suffix in SUFFIXES:
                (self._folder / f"{name}{suffix}").unlink(missing_ok=True)

    def prune(self, now_s: float, kept_s: float = KEPT_S) -> int:
        """Delete what is older than `kept_s` or over the limit; return the remaining bytes."""
        found: list[tuple[float, int, str]] = []
        with os.scandir(self._folder) as entries:
            for entry in entries:
                # A copy may be renamed into place at this moment.
                with suppress(FileNotFoundError):
                    facts = entry.stat()
                    found.append((facts.st_mtime, facts.st_size, entry.path))
        kept_bytes = 0
        for changed_s, size_bytes, path in sorted(found, reverse=True):
            if changed_s < now_s - kept_s or kept_bytes + size_bytes > self._limit_bytes:
                Path(path).unlink(missing_ok=True)
            else:
                kept_bytes += size_bytes
        return kept_bytes
