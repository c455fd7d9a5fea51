"""Durable files: complete and fsynced before they get their names. Safe against power cuts.

Every file that Redis refers to is written here.
"""

import os
import shutil
import tempfile
from pathlib import Path

PART = ".part"
"""Suffix of incomplete files."""


def replace_file(
    path: Path, content: str | bytes, mode: int = 0o600, owner: os.stat_result | None = None
) -> None:
    """Replace the file at `path`, owned by the user and group of `owner`.

    Raises OSError; the old file then stays as it was.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=PART, dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            # By descriptor: the folder's owner may have replaced the name by a link.
            os.fchmod(descriptor, mode)
            if owner is not None:
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
        commit(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def copy_file(source: Path | str, target: Path) -> None:
    """Copy a file's content. Raises OSError and then leaves no partial copy."""
    part = target.with_name(f"{target.name}.{os.getpid()}{PART}")
    try:
        shutil.copyfile(source, part)
        commit(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def commit(part: Path, target: Path) -> None:
    """Rename a complete file into place; fsyncs the file, then its folder."""
    sync(part)
    part.replace(target)
    sync(target.parent)


def make_folder(path: Path) -> None:
    """Create a folder and its missing parents, durably."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync(path.parent)


def sync(path: Path) -> None:
    """Fsync a file's content or a folder's entries. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
