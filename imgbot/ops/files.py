"""An operator's files: their permissions, links, and one line of an environment file."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from imgbot.files import sync


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
    sync(path.parent)


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
