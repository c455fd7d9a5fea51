"""One file with everything in it: a tar.gz whose last member says what the others must be.

Reading trusts nothing: names are checked, links and sparse files refused, sizes bounded by the
room there is, and what was unpacked counts only once every checksum has been right.
"""

import gzip
import hashlib
import io
import json
import os
import re
import stat
import tarfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from imgbot.domain.errors import ImgbotError
from imgbot.files import commit

FORMAT = 1
REDIS = "redis.jsonl"
"""The member with all that was in Redis."""

_FIRST, _LAST = "imgbot-backup", "manifest.json"
_SMALL_BYTES = 64 << 20
_CHUNK_BYTES = 1 << 20
_HEAD_BYTES = 4096
_MOST_FILES = 250_000
_NONSENSE = (ValueError, KeyError, TypeError, OverflowError, RecursionError, zlib.error)
"""Errors that libraries raise on a damaged or hostile file."""
_NAME = re.compile(
    rf"({re.escape(REDIS)}|(state|settings)(/[A-Za-z0-9_:=+,@][A-Za-z0-9._:=+,@-]*){{1,6}})"
)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class BackupError(ImgbotError):
    """A backup cannot be written or read, or is damaged; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Manifest of a backup."""

    about: Mapping[str, Any]
    files: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Name → {size_bytes, sha256}."""

    @property
    def summary(self) -> str:
        said = self.about.get("counts")
        counts: Any = defaultdict(int, said if isinstance(said, dict) else {})
        return (
            f"{counts['jobs']} jobs in progress, {counts['pictures']} remembered pictures, "
            f"{counts['keys']} Redis keys, {len(self.files)} files"
        )


def write(target: Path, members: Iterable[tuple[str, Path]], about: Mapping[str, Any]) -> Manifest:
    """Write a backup that only its owner can read; it gets its name once it is complete.

    `members` are (name, file); a file that has disappeared, is not a plain
    file, or is an older backup is left out.
    """
    _check_texts(about)
    part = target.with_name(f".{target.name}.part")
    files: dict[str, Any] = {}
    try:
        # Never a file that is there already: somebody may have it open.
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as raw:  # noqa: PTH123 -- a descriptor has no path
            os.fchmod(descriptor, 0o600)
            with (
                gzip.GzipFile(fileobj=raw, mode="wb", filename="", compresslevel=3) as packed,
                tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
            ):
                _add_text(tar, _FIRST, f"format {FORMAT}\n")
                for name, path in members:
                    if _NAME.fullmatch(name) and (facts := _add(tar, name, path)):
                        files[name] = facts
                        _check_count(files)
                manifest = {**about, "format": FORMAT, "files": files}
                _add_text(tar, _LAST, json.dumps(manifest, indent=1))
        commit(part, target)
    except OSError as error:
        why = error.strerror or "a file has changed meanwhile; try again"
        raise BackupError(f"{target} cannot be written: {why}") from error
    finally:
        part.unlink(missing_ok=True)
    return Manifest(about, files)


def _check_count(files: Mapping[str, Any]) -> None:
    if len(files) > _MOST_FILES:
        raise BackupError(
            f"there are more than {_MOST_FILES} files, too many for a backup: "
            "leave the finished pictures out (--without-pictures)"
        )


def _add(tar: tarfile.TarFile, name: str, path: Path) -> dict[str, Any] | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with open(descriptor, "rb") as file:  # noqa: PTH123 -- a descriptor has no path
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or _is_backup(file):
            return None
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = facts.st_size, 0o600, int(facts.st_mtime)
        seen = _Hashing(file)
        tar.addfile(info, seen)
        return {"size_bytes": info.size, "sha256": seen.hexdigest}


def _is_backup(file: IO[bytes]) -> bool:
    """True if a file begins like a backup; the file is rewound."""
    packed = file.read(_HEAD_BYTES)
    file.seek(0)
    try:
        head = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(packed, _HEAD_BYTES)
    except zlib.error:
        return False
    return head.startswith(f"{_FIRST}\0".encode())


def _add_text(tar: tarfile.TarFile, name: str, text: str) -> None:
    content = text.encode()
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o600
    tar.addfile(info, io.BytesIO(content))


class _Hashing(io.RawIOBase):
    """File reader that computes the checksum of what is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._sum = hashlib.sha256()

    @property
    def hexdigest(self) -> str:
        return self._sum.hexdigest()

    def read(self, size: int = -1, /) -> bytes:
        content = self._file.read(size)
        self._sum.update(content)
        return content


class _Bounded:
    """Decompressed stream with a limit in total and per read."""

    def __init__(self, stream: gzip.GzipFile, limit_bytes: int) -> None:
        self._stream = stream
        self._left = limit_bytes

    def read(self, size: int = -1) -> bytes:
        # tarfile reads a header of any length whole: one that is long is no header of ours.
        if not 0 <= size <= _CHUNK_BYTES:
            raise BackupError("the backup has an invalid header")
        content = self._stream.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise BackupError("the backup needs more disk space than is free here")
        return content

    def seek(self, position: int, whence: int = 0) -> int:
        if whence or position < self._stream.tell():
            raise BackupError("the backup is not in sequential order")
        while (step := position - self._stream.tell()) > 0:
            if not self.read(min(step, _CHUNK_BYTES)):
                break
        return self._stream.tell()

    def tell(self) -> int:
        return self._stream.tell()


def read(source: Path, folder: Path, limit_bytes: int) -> Manifest:
    """Unpack a backup into an empty folder, and check every byte of it.

    Raises BackupError: no backup, damaged, hostile, of a newer imgbot, or too large.
    """
    try:
        with gzip.open(source, "rb") as packed:
            stream = _Bounded(packed, limit_bytes)
            with tarfile.open(fileobj=stream, mode="r:") as tar:  # type: ignore[arg-type]
                manifest = _unpack(tar, folder)
            # The checksum of the whole stands at its very end.
            while stream.read(_CHUNK_BYTES):
                pass
            return manifest
    except (OSError, EOFError, tarfile.TarError, *_NONSENSE) as error:
        if isinstance(error, FileNotFoundError) and not source.exists():
            raise BackupError(f"{source} does not exist") from None
        why = error.strerror if isinstance(error, OSError) and error.strerror else "damaged"
        raise BackupError(f"{source} is not a complete imgbot backup ({why})") from error


def _unpack(tar: tarfile.TarFile, folder: Path) -> Manifest:
    first = tar.next()
    if first is None or first.name != _FIRST:
        raise BackupError("this is not an imgbot backup")
    _check_format(_text(tar, first))
    found: dict[str, Any] = {}
    while (member := tar.next()) is not None:
        if member.name == _LAST:
            return _checked(json.loads(_text(tar, member)), found)
        if not _NAME.fullmatch(member.name) or ".." in member.name or member.name in found:
            raise BackupError(f"the backup contains an illegal file name: {member.name[:80]!r}")
        if len(found) >= _MOST_FILES:
            raise BackupError(f"the backup has more than {_MOST_FILES} files")
        found[member.name] = _extract(tar, member, folder / member.name)
    raise BackupError("the backup is incomplete")


def _check_format(text: str) -> None:
    number = text.removeprefix("format ").strip()
    if not number.isdecimal():
        raise BackupError("this is not an imgbot backup")
    if int(number) > FORMAT:
        raise BackupError("the backup is of a newer imgbot: install that release and try again")


def _plain(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    file = tar.extractfile(member) if member.type == tarfile.REGTYPE else None
    if file is None or member.issparse():
        raise BackupError(f"the backup contains a link or special file: {member.name[:80]!r}")
    return file


def _text(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    file = _plain(tar, member)
    if member.size > _SMALL_BYTES:
        raise BackupError("the manifest of the backup is too large")
    chunks: list[bytes] = []
    while chunk := file.read(_CHUNK_BYTES):
        chunks.append(chunk)
    return b"".join(chunks).decode()


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> dict[str, Any]:
    file, sum_ = _plain(tar, member), hashlib.sha256()
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    size_bytes = 0
    with target.open("xb") as out:
        os.fchmod(out.fileno(), 0o600)
        while chunk := file.read(_CHUNK_BYTES):
            size_bytes += len(chunk)
            sum_.update(chunk)
            out.write(chunk)
    # The age of a kept picture decides when it is forgotten.
    os.utime(target, (member.mtime, member.mtime))
    return {"size_bytes": size_bytes, "sha256": sum_.hexdigest()}


def _checked(content: Any, found: Mapping[str, Any]) -> Manifest:
    if not isinstance(content, dict) or content.get("files") != found:
        raise BackupError("the backup is damaged: a checksum is wrong, or a file is missing")
    about = {name: value for name, value in content.items() if name != "files"}
    _check_texts(about)
    return Manifest(about, found)


def _check_texts(content: Any) -> None:
    """Refuse control characters: root reads these texts in a terminal."""
    if isinstance(content, dict):
        _check_texts([*content, *content.values()])
    elif isinstance(content, list):
        for each in content:
            _check_texts(each)
    elif isinstance(content, str) and (found := _CONTROLS.search(content)):
        raise BackupError(f"the backup contains {found[0]!a}, which is not allowed")
