"""Durable files: whole and on the disk before their names count, so that no power cut empties one.

Whatever Redis asserts to exist is written here.
"""

import os
import shutil
import tempfile
from pathlib import Path

PART = ".part"
"""Suffix of what is not whole yet."""


def replace_file(
    path: Path, content: str | bytes, mode: int = 0o600, owner: os.stat_result | None = None
) -> None:
    """Write a file in place of `path`, given to the user and the group of `owner`.

    Raises OSError, and then the old file stands.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=PART, dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            # Not by its name, which the owner of the folder may have turned into a link.
            os.fchmod(descriptor, mode)
            if owner is not None:
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
        commit(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def copy_file(source: Path | str, target: Path) -> None:
    """Copy a file's content. Raises OSError, and then there is no half of it."""
    part = target.with_name(f"{target.name}.{os.getpid()}{PART}")
    try:
        shutil.copyfile(source, part)
        commit(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def commit(part: Path, target: Path) -> None:
    """Give a written file its name, in place of what has it: file first, then the folder."""
    sync(part)
    part.replace(target)
    sync(target.parent)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, where they are missing."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file's content, or the names in a folder, are on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
