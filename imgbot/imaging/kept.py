"""Finished pictures as they were made, kept on disk for the button that asks for the file.

Standard library only: the supervisor calls it, and no pixel is touched. What is forgotten
first is what is oldest.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

KEPT_S = 2_592_000
"""30 days, as long as the buttons work."""

_MIB = 1 << 20


class Kept:
    """One folder, bounded in bytes and age; `limit_mb` 0 keeps nothing."""

    def __init__(self, folder: Path, limit_mb: int) -> None:
        self._folder = folder
        self._limit_bytes = limit_mb * _MIB
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def keep(self, picture: Path, job_id: str, suffix: str) -> None:
        """Keep a copy under the job's id; a full disk costs the copy and nothing else."""
        if not self._limit_bytes:
            return
        target = self._folder / f"{job_id}{suffix}"
        part = target.with_name(f"{target.name}.part")
        with suppress(OSError):
            shutil.copyfile(picture, part)
            part.replace(target)

    def find(self, job_id: str) -> Path | None:
        """Return the job's picture, None when it is not kept any longer."""
        return next(iter(sorted(self._folder.glob(f"{job_id}.*"))), None)

    def prune(self, now_s: float) -> int:
        """Forget what is too old or too much; return how many bytes are kept."""
        kept_bytes = 0
        with os.scandir(self._folder) as entries:
            pictures = sorted(entries, key=lambda entry: -entry.stat().st_mtime)
        for entry in pictures:
            facts = entry.stat()
            is_old = facts.st_mtime < now_s - KEPT_S
            if is_old or kept_bytes + facts.st_size > self._limit_bytes:
                Path(entry).unlink(missing_ok=True)
            else:
                kept_bytes += facts.st_size
        return kept_bytes
