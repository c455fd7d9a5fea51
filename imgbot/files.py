"""Durable files: complete and fsynced before they get their names. Safe against power cuts.

Every file that Redis refers to is written here. Below that, how root works in a folder of another
user, who may put links and pipes in its way.
"""

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from imgbot.domain.errors import FULL, ConfigError

PART = ".part"
"""Suffix of incomplete files."""

STATE_SETTING = "IMGBOT_STATE_DIR"


def replace_file(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    """Replace the file at `path`. Raises OSError; the old file then stays as it was."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=PART, dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            # By descriptor: the folder's owner may have replaced the name by a link.
            os.fchmod(descriptor, mode)
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


def text_of(path: Path) -> str:
    """Return the text of a file, empty for one that cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def open_plain(path: Path) -> BufferedReader:
    """Open a regular file for reading: through no link, and no pipe, which would wait. OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return open(descriptor, "rb")  # noqa: PTH123 -- a descriptor has no path


def state_folder(state_dir: Path, name: str) -> Path:
    """Return a folder of the state directory, made if need be. Raises ConfigError."""
    path = state_dir / name
    with usable(path):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


@contextmanager
def usable(path: Path) -> Generator[None]:
    """Turn an OSError below the state directory into a ConfigError."""
    try:
        yield
    except OSError as error:
        raise_if_full(error)
        sentence = f"{path} cannot be used ({error.strerror}); look: sudo ls -la {path.parent}"
        raise ConfigError(STATE_SETTING, sentence) from error


def raise_if_full(error: OSError) -> None:
    """Raise the error of a full disk again."""
    # Room comes back: no setting is wrong, and the next start may succeed.
    if error.errno in FULL:
        raise error


@contextmanager
def anchored(folder: Path) -> Generator[Path]:
    """Yield a path to this very folder, even if its name leads elsewhere later. Raises OSError.

    It needs no access to the folders above.
    """
    descriptor = os.open(folder, os.O_DIRECTORY)
    try:
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


@contextmanager
def as_owner(folder: Path) -> Generator[None]:
    """Act as the owner of a folder, if this is root. Raises OSError.

    So nothing in it leads to what the owner may not reach, and what is made there is theirs. Keep
    it short: modules that are not imported yet may be out of reach as well.
    """
    owner = folder.stat()
    if os.getuid() != 0 or owner.st_uid == 0:
        yield
        return
    before = os.geteuid(), os.getegid(), os.getgroups()
    _become(owner.st_uid, owner.st_gid, [])
    try:
        yield
    finally:
        _become(*before)


def _become(user: int, group: int, groups: list[int]) -> None:
    # Only root may change the groups.
    os.seteuid(0)
    os.setgroups(groups)
    os.setegid(group)
    os.seteuid(user)
