"""Steps of an installation; each describes itself and may be repeated."""

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from imgbot.files import replace_file
from imgbot.ops.install.release import InstallError, Release, copy_release
from imgbot.ops.installation import replace_link


class Step(Protocol):
    """One change of the server."""

    @property
    def says(self) -> str:
        """Description in one line, without a secret."""
        ...

    def carry_out(self) -> None:
        """Do it. Raises InstallError, OSError."""
        ...


@dataclass(frozen=True, slots=True)
class MakeFolder:
    """A folder with a mode, new or as it is, and one's own."""

    path: Path
    mode: int

    @property
    def says(self) -> str:
        return f"make the folder {self.path} (mode {self.mode:04o})"

    def carry_out(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        # Of whom it was before: root will run what is in it.
        os.chown(self.path, os.geteuid(), os.getegid())
        self.path.chmod(self.mode)


@dataclass(frozen=True, slots=True)
class PutRelease:
    """A copy of the running program in its own folder."""

    release: Release
    folder: Path

    @property
    def says(self) -> str:
        return f"put imgbot {self.release.version} and its libraries into {self.folder}"

    def carry_out(self) -> None:
        copy_release(self.release, self.folder)


@dataclass(frozen=True, slots=True)
class WriteFile:
    """A file with a text and a mode; the text is never shown."""

    path: Path
    text: str = field(repr=False)
    mode: int
    what: str

    @property
    def says(self) -> str:
        return f"write {self.what}: {self.path} (mode {self.mode:04o})"

    def carry_out(self) -> None:
        replace_file(self.path, self.text, self.mode)


@dataclass(frozen=True, slots=True)
class SetMode:
    """A file that others could read."""

    path: Path
    mode: int

    @property
    def says(self) -> str:
        return f"let only root read {self.path} (mode {self.mode:04o})"

    def carry_out(self) -> None:
        self.path.chmod(self.mode)


@dataclass(frozen=True, slots=True)
class PutLink:
    """A symbolic link."""

    path: Path
    target: str

    @property
    def says(self) -> str:
        return f"let {self.path} lead to {self.target}"

    def carry_out(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        replace_link(self.path, self.target)


@dataclass(frozen=True, slots=True)
class Remove:
    """A file, a link, or a folder with all in it."""

    path: Path

    @property
    def says(self) -> str:
        return f"remove {self.path}"

    def carry_out(self) -> None:
        if self.path.is_dir() and not self.path.is_symlink():
            shutil.rmtree(self.path)
        else:
            self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class RunCommand:
    """A command of the system."""

    words: tuple[str, ...]

    @property
    def says(self) -> str:
        return f"run {' '.join(self.words)}"

    def carry_out(self) -> None:
        made = subprocess.run(self.words, capture_output=True, text=True, check=False)  # noqa: S603
        if made.returncode:
            raise InstallError(f"`{' '.join(self.words)}` failed: {made.stderr.strip()[:500]}")
