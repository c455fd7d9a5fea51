"""Append-only file of the embedded server, repaired where no acknowledged write can be lost.

A power cut may leave zeros or other bytes behind the last write that reached the disk, or lose the
manifest. The server refuses the one and forgets everything without the other, although each write
that it acknowledged is there.
"""

import mmap
import os
import re
from pathlib import Path

from imgbot.domain.errors import ImgbotError
from imgbot.files import open_plain, replace_file

_MANIFEST = "appendonly.aof.manifest"
_MANIFEST_BYTES = 1 << 20
_PART = re.compile(r"appendonly\.aof\.(\d+)\.(base|incr)\.(?:aof|rdb)")
_LATEST = re.compile(rb"^file (appendonly\.aof\.\d+\.incr\.aof) seq \d+ type i\b", re.MULTILINE)
_UNACKNOWLEDGED_BYTES = 4 << 20
"""More than the server writes before it waits for the disk and acknowledges."""

_SECTOR_BYTES = 512
_ARRAY = re.compile(rb"\*([1-9]\d{0,6})\r\n")
_BULK = re.compile(rb"\$(\d{1,9})\r\n")
_MULTI, _EXEC = b"*1\r\n$5\r\nMULTI\r\n", b"*1\r\n$4\r\nEXEC\r\n"
_RESTORE = "put a backup back: sudo imgbot restore FILE --force"


class DamagedFileError(ImgbotError):
    """Damage whose repair could lose acknowledged writes."""


def rewrite_manifest(folder: Path) -> None:
    """Write a missing or blank manifest anew. Raises DamagedFileError, OSError."""
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    parts = sorted(filter(None, map(_PART.fullmatch, names)), key=lambda part: part[2])
    if not parts or _manifest_in(folder).strip(b"\0 \r\n"):
        return
    kinds = [part[2] for part in parts]
    if len(set(kinds)) < len(kinds):
        # Which of them belong together is not known.
        path = os.path.realpath(folder / _MANIFEST)
        raise DamagedFileError(f"{path} is blank, and several files may be meant: {_RESTORE}")
    lines = (f"file {part[0]} seq {part[1]} type {part[2][0]}\n" for part in parts)
    replace_file(folder / _MANIFEST, "".join(lines))


def is_torn(folder: Path) -> bool:
    """Return true if the latest file ends in what no server writes; found without parsing it."""
    if not (names := _LATEST.findall(_manifest_in(folder))):
        return False
    with open_plain(folder / names[-1].decode()) as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _UNACKNOWLEDGED_BYTES))
        tail = file.read()
    return bool(tail) and (not tail.endswith(b"\r\n") or bytes(_SECTOR_BYTES) in tail)


def cut_tail(folder: Path) -> str:
    """Cut off an incomplete write at the end of the latest file; return a sentence about it.

    Raises DamagedFileError, OSError.
    """
    names = _LATEST.findall(_manifest_in(folder))
    if not names:
        raise DamagedFileError(f"{os.path.realpath(folder)} is damaged: {_RESTORE}")
    path = folder / names[-1].decode()
    with open_plain(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as log:
        size_bytes = len(log)
        end, broken = _whole(log)
        is_tail = not _has_command(log, broken + 1)
    where = os.path.realpath(path)
    if broken == size_bytes:
        raise DamagedFileError(f"a file beside {where} is damaged: {_RESTORE}")
    if not is_tail or size_bytes - end > _UNACKNOWLEDGED_BYTES:
        raise DamagedFileError(
            f"{where} is damaged at byte {broken} of {size_bytes}: {_RESTORE}. Without one, lose "
            "what was written later, and perhaps pay jobs again: "
            f"sudo truncate -s {end} {where}"
        )
    _truncate(path, end)
    return f"{where}: {size_bytes - end} bytes at its end are no complete write, and were cut off"


def _manifest_in(folder: Path) -> bytes:
    try:
        with open_plain(folder / _MANIFEST) as file:
            return file.read(_MANIFEST_BYTES)
    except FileNotFoundError:
        return b""


def _whole(log: mmap.mmap) -> tuple[int, int]:
    """Return where the last whole command or transaction ends, and the last whole command."""
    end = at = 0
    is_open = False
    while (then := _end_of_command(log, at)) is not None:
        if then - at in {len(_MULTI), len(_EXEC)}:
            is_open = log[at:then] == _MULTI or (is_open and log[at:then] != _EXEC)
        at = then
        end = end if is_open else at
    return end, at


def _has_command(log: mmap.mmap, at: int) -> bool:
    begins = _ARRAY.finditer(log, at)
    return any(_end_of_command(log, begin.start()) is not None for begin in begins)


def _end_of_command(log: mmap.mmap, at: int) -> int | None:
    """Return where the command that begins there ends, None if it is not whole."""
    if (array := _ARRAY.match(log, at)) is None:
        return None
    at = array.end()
    for _ in range(int(array[1])):
        if (bulk := _BULK.match(log, at)) is None:
            return None
        at = bulk.end() + int(bulk[1]) + 2
        if log[at - 2 : at] != b"\r\n":
            return None
    return at


def _truncate(path: Path, size_bytes: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
    try:
        os.ftruncate(descriptor, size_bytes)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
