"""A disk that a power cut may strike: what was synchronised is there after it, and nothing else."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest


class Disk:
    """Watches `os.fsync`: the content of files, and the names in folders, as of their last one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._contents: dict[int, bytes] = {}
        self._names: dict[int, Mapping[str, int]] = {}
        self._fsync = os.fsync
        monkeypatch.setattr(os, "fsync", self._record)

    def after_power_cut(self, path: Path) -> bytes | None:
        """Return what the file holds then; None where the folder does not name it."""
        inode = self._folder(path.parent).get(path.name)
        return None if inode is None else self._contents.get(inode, b"")

    def names(self, folder: Path) -> set[str]:
        """Return what the folder names then."""
        return set(self._folder(folder))

    def _folder(self, folder: Path) -> Mapping[str, int]:
        return self._names.get(folder.stat().st_ino, {})

    def _record(self, descriptor: int) -> None:
        self._fsync(descriptor)
        inode, path = os.fstat(descriptor).st_ino, Path(f"/proc/self/fd/{descriptor}")
        if path.is_dir():
            self._names[inode] = {entry.name: entry.inode() for entry in os.scandir(path)}
        else:
            self._contents[inode] = path.read_bytes()
