"""One file with everything in it: a tar.gz whose last member says what the others must be.

Only plain files in plain tar headers are written and read, so neither needs more than a header
and a chunk at a time. Reading trusts nothing: names are checked, sizes are bounded by the room
there is, and what was unpacked counts only once every checksum has been right.
"""

import gzip
import hashlib
import io
import json
import os
import re
import tarfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imgbot.domain.errors import ImgbotError
from imgbot.files import commit, open_plain

FORMAT = 1
REDIS = "redis.jsonl"
"""The member with all that was in Redis."""

_FIRST, _LAST = "imgbot-backup", "manifest.json"
_SMALL_BYTES = 64 << 20
_CHUNK_BYTES = 1 << 20
_MOST_FILES = 250_000
_DAMAGED = (tarfile.TarError, EOFError, ValueError, TypeError, RecursionError, zlib.error)
"""Errors that libraries raise on a damaged or hostile file."""
_NAME = re.compile(
    rf"({re.escape(REDIS)}|(state|settings)(/[A-Za-z0-9_:=+,@][A-Za-z0-9._:=+,@-]*){{1,6}})"
)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


Open = Callable[[Path], io.BufferedReader]
"""Opens a plain file, following no link. Raises OSError."""


class BackupError(ImgbotError):
    """A backup cannot be written or read, or is damaged; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Manifest of a backup."""

    about: Mapping[str, Any]
    files: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Name → {size_bytes, sha256}."""
    settings: Mapping[str, bytes] = field(default_factory=dict[str, bytes], repr=False)
    """Files below settings/, by name; they are not unpacked."""

    @property
    def summary(self) -> str:
        counted = self.about.get("counts")
        counts: Any = defaultdict(int, counted if isinstance(counted, dict) else {})
        return (
            f"{_counted(counts['jobs'], 'job')} in progress, "
            f"{_counted(counts['pictures'], 'remembered picture')}, "
            f"{_counted(counts['keys'], 'Redis key')}, {_counted(len(self.files), 'file')}"
        )


def _counted(number: object, thing: str) -> str:
    """Give a number of things; that of a damaged manifest may be anything."""
    return f"{number} {thing}" + ("" if number == 1 else "s")


def write_backup(
    target: Path,
    members: Iterable[tuple[str, Path]],
    about: Mapping[str, Any],
    open_member: Open = open_plain,
) -> Manifest:
    """Write a backup that only its owner can read; it gets its name once it is complete.

    `members` are (name, file); a file that has disappeared or is not a plain file is left out.
    """
    _check_texts(about)
    part = target.with_name(f".{target.name}.part")
    files: dict[str, Any] = {}
    try:
        # Never a file that is there already: somebody may have it open.
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with (
            open(descriptor, "wb") as raw,  # noqa: PTH123 -- a descriptor has no path
            gzip.GzipFile(fileobj=raw, mode="wb", filename="", compresslevel=3) as out,
        ):
            _put_text(out, _FIRST, f"format {FORMAT}\n")
            for name, path in members:
                if _NAME.fullmatch(name) and (facts := _put_file(out, name, path, open_member)):
                    files[name] = facts
                    _check_count(files)
            _put_text(out, _LAST, json.dumps({**about, "format": FORMAT, "files": files}, indent=1))
            out.write(bytes(2 * tarfile.BLOCKSIZE))
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


def _put_file(
    out: io.BufferedIOBase, name: str, path: Path, open_member: Open
) -> dict[str, Any] | None:
    try:
        file = open_member(path)
    except OSError:
        return None
    with file:
        facts = os.fstat(file.fileno())
        return _put(out, name, file, facts.st_size, int(facts.st_mtime))


def _put_text(out: io.BufferedIOBase, name: str, text: str) -> None:
    content = text.encode()
    _put(out, name, io.BytesIO(content), len(content), 0)


def _put(
    out: io.BufferedIOBase, name: str, source: io.BufferedIOBase, size_bytes: int, mtime_s: int
) -> dict[str, Any]:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size_bytes, 0o600, mtime_s
    out.write(info.tobuf(tarfile.USTAR_FORMAT))
    facts = _copy(source, out, size_bytes)
    out.write(bytes(-size_bytes % tarfile.BLOCKSIZE))
    return facts


def _copy(source: io.BufferedIOBase, target: io.BufferedIOBase, size_bytes: int) -> dict[str, Any]:
    """Copy exactly so many bytes; return their size and checksum. Raises OSError."""
    sum_, left = hashlib.sha256(), size_bytes
    while left:
        if not (chunk := source.read(min(left, _CHUNK_BYTES))):
            raise OSError("it ends too early")
        sum_.update(chunk)
        target.write(chunk)
        left -= len(chunk)
    return {"size_bytes": size_bytes, "sha256": sum_.hexdigest()}


@contextmanager
def opened(source: Path) -> Generator[io.BufferedReader]:
    """Open a backup for `read_backup`. Raises BackupError."""
    try:
        file = source.open("rb")
    except OSError as error:
        why = "does not exist" if isinstance(error, FileNotFoundError) else error.strerror
        raise BackupError(f"{source}: {why}") from None
    with file:
        yield file


def read_backup(source: io.BufferedReader, folder: Path, limit_bytes: int) -> Manifest:
    """Unpack a backup into an empty folder, but for the settings, and check every byte of it.

    Raises BackupError: no backup, damaged, hostile, of a newer imgbot, or too large.
    """
    try:
        with gzip.GzipFile(fileobj=source) as packed:
            manifest = _unpack(packed, folder, limit_bytes)
            # The checksum of the whole stands at its very end, after no more than blank blocks.
            if len(packed.read(_CHUNK_BYTES)) == _CHUNK_BYTES:
                raise BackupError("this does not end where an imgbot backup does")
            return manifest
    except (OSError, *_DAMAGED) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "damaged"
        raise BackupError(f"this is not a complete imgbot backup ({why})") from error


def _unpack(packed: gzip.GzipFile, folder: Path, limit_bytes: int) -> Manifest:
    _check_format(packed)
    found: dict[str, Any] = {}
    settings: dict[str, bytes] = {}
    settings_bytes = _SMALL_BYTES
    while (member := _header(packed)).name != _LAST:
        name = member.name
        if not _NAME.fullmatch(name) or ".." in name or name in found:
            raise BackupError(f"the backup contains an illegal file name: {name[:80]!r}")
        limit_bytes -= member.size
        if limit_bytes < 0:
            raise BackupError("the backup needs more disk space than is free here")
        if name.startswith("settings/"):
            settings[name], found[name] = _content(packed, member, settings_bytes)
            settings_bytes -= member.size
        else:
            found[name] = _extract(packed, member, folder / name)
        _check_count(found)
    return Manifest(_about(packed, member, found), found, settings)


def _check_format(packed: gzip.GzipFile) -> None:
    first = _header(packed)
    number = _text(packed, first).removeprefix("format ").strip() if first.name == _FIRST else ""
    if not number.isdecimal():
        raise BackupError("this is not an imgbot backup")
    if int(number) > FORMAT:
        raise BackupError("the backup is of a newer imgbot: install that release and try again")


def _about(
    packed: gzip.GzipFile, member: tarfile.TarInfo, found: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the manifest says of the backup, if it names the files that were found."""
    about = json.loads(_text(packed, member))
    if not isinstance(about, dict) or about.pop("files", None) != found:
        raise BackupError("the backup is damaged: a checksum is wrong, or a file is missing")
    _check_texts(about)
    return about


def _header(packed: gzip.GzipFile) -> tarfile.TarInfo:
    """Read the next header, of a plain file of ours. Raises TarError, BackupError."""
    member = tarfile.TarInfo.frombuf(packed.read(tarfile.BLOCKSIZE), "utf-8", "surrogateescape")
    if member.type != tarfile.REGTYPE or member.size < 0:
        raise BackupError(f"the backup contains a link or special file: {member.name[:80]!r}")
    return member


def _text(packed: gzip.GzipFile, member: tarfile.TarInfo) -> str:
    return _content(packed, member, _SMALL_BYTES)[0].decode()


def _content(
    packed: gzip.GzipFile, member: tarfile.TarInfo, limit_bytes: int
) -> tuple[bytes, dict[str, Any]]:
    """Return a member's content and facts. Raises BackupError where it is too large."""
    if member.size > limit_bytes:
        raise BackupError("the manifest or the settings of the backup are too large")
    content = io.BytesIO()
    facts = _get(packed, member, content)
    return content.getvalue(), facts


def _get(
    packed: gzip.GzipFile, member: tarfile.TarInfo, target: io.BufferedIOBase
) -> dict[str, Any]:
    facts = _copy(packed, target, member.size)
    packed.read(-member.size % tarfile.BLOCKSIZE)
    return facts


def _extract(packed: gzip.GzipFile, member: tarfile.TarInfo, target: Path) -> dict[str, Any]:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with target.open("xb") as out:
        os.fchmod(out.fileno(), 0o600)
        facts = _get(packed, member, out)
    # The age of a kept picture decides when it is forgotten.
    os.utime(target, (member.mtime, member.mtime))
    return facts


def _check_texts(content: Any) -> None:
    """Refuse control characters: root reads these texts in a terminal."""
    if isinstance(content, dict):
        _check_texts([*content, *content.values()])
    elif isinstance(content, list):
        for each in content:
            _check_texts(each)
    elif isinstance(content, str) and (found := _CONTROLS.search(content)):
        raise BackupError(f"the backup contains {found[0]!a}, which is not allowed")
