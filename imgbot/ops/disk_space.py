"""Free disk space of the state directory."""

import os
import shutil
from pathlib import Path

LEAST_FREE_BYTES = 64 << 20
"""With less, Redis and the pictures on their way fill the disk within minutes."""

LEAST_FREE_FILES = 500
"""Inodes; a job has some ten files at a time."""


def place_of(folder: Path) -> Path:
    """Return the folder itself, or the nearest one above it that exists."""
    for place in (folder, *folder.parents):
        if place.exists():
            return place
    return Path("/")


def free_files(folder: Path) -> int | None:
    """Return how many more files fit, None where the file system makes room as it needs it."""
    found = os.statvfs(folder)
    return found.f_favail if found.f_files else None


def disk_problem(folder: Path) -> str:
    """Say in a sentence that the disk is full, or nearly; empty when it is not."""
    place = place_of(folder)
    free_bytes, files = shutil.disk_usage(place).free, free_files(place)
    if free_bytes < LEAST_FREE_BYTES:
        return f"{free_bytes >> 20} MB are left below {folder}; free some, see `imgbot doctor`"
    if files is not None and files < LEAST_FREE_FILES:
        return f"{files} more files fit below {folder}; remove some, see `imgbot doctor`"
    return ""
