"""Checksums of a release, written once all of it is on disk.

A power cut leaves files of the right name and length with nothing in them, unless they were
synchronised before; and nobody but their checksums would tell.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from imgbot.files import replace_file, sync

SUMS = "SHA256SUMS"
"""As `sha256sum --check` reads it."""


def write(folder: Path) -> None:
    """Bring all files of a folder to the disk, then their checksums. Raises OSError."""
    sums: list[str] = []
    for name, path in _files(folder):
        sync(path)
        sums.append(f"{_sum(path)}  {name}\n")
    replace_file(folder / SUMS, "".join(sums), 0o644)
    for name, _, _ in os.walk(folder):
        sync(Path(name))


def verify(folder: Path) -> bool:
    """True if a folder has checksums and every file matches them."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        pairs = (line.split("  ", 1) for line in lines)
        return bool(lines) and all(sum_ == _sum(folder / name) for sum_, name in pairs)
    except (OSError, ValueError):
        return False


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        # A link to the server's Python is no part of it.
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(folder).as_posix(), path


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
