"""How much room the state directory has left."""

import shutil
from pathlib import Path

LEAST_FREE_BYTES = 64 << 20
"""With less, Redis and the pictures on their way fill the disk within minutes."""


def place_of(folder: Path) -> Path:
    """Return the folder itself, or the nearest one above it that exists."""
    for place in (folder, *folder.parents):
        if place.exists():
            return place
    return Path("/")


def trouble_with(folder: Path) -> str:
    """Say in a sentence that the disk is full, or nearly; empty when it is not."""
    free_bytes = shutil.disk_usage(place_of(folder)).free
    if free_bytes >= LEAST_FREE_BYTES:
        return ""
    return f"{free_bytes >> 20} MB are left below {folder}; free some, see `imgbot doctor`"
