"""Files that are replaced whole: whoever reads one sees the old text or the new, never half."""

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


def replace_file(path: Path, text: str, mode: int, owner: os.stat_result | None = None) -> None:
    """Write a file through a temporary one beside it; on the disk before it counts.

    It is given to the user and the group of `owner`. Raises OSError, and then the old file stands.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    incoming = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            # Not by its name, which the owner of the folder may have turned into a link.
            os.fchmod(descriptor, mode)
            if owner is not None:
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
            os.fsync(descriptor)
        incoming.replace(path)
    except BaseException:
        incoming.unlink(missing_ok=True)
        raise


@contextmanager
def umask(mask: int) -> Generator[None]:
    """Narrow what others may do with files that this process makes meanwhile."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def replace_link(path: Path, target: str) -> None:
    """Point a symbolic link elsewhere in one step."""
    incoming = path.with_name(f".{path.name}.incoming")
    incoming.unlink(missing_ok=True)
    incoming.symlink_to(target)
    incoming.replace(path)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_variable(text: str, name: str, value: str) -> str:
    """Give an environment file with one more line, or with the line changed that sets it already.

    A commented line with the setting's default is where the new one is put.
    """
    lines = text.splitlines()
    places = [n for n, line in enumerate(lines) if _name_of(line) == name]
    offers = [n for n, line in enumerate(lines) if _name_of(line.lstrip("#")) == name]
    line = f"{name}={value}"
    # The last line that sets a variable wins, so all of them go but one.
    for place in reversed(places[:-1]):
        del lines[place]
    if places:
        lines[places[-1] - (len(places) - 1)] = line
    elif offers:
        lines.insert(offers[0] + 1, line)
    else:
        lines.append(line)
    return "\n".join(lines) + "\n"


def _name_of(line: str) -> str:
    name = line.partition("=")[0].strip()
    return name.removeprefix("export ").strip() if "=" in line else ""
