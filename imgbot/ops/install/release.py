"""Release that is running now: its name, its files, and a copy of it elsewhere.

A release is a folder of its own that is a virtual environment: bin/imgbot, bin/python3, a link
to the server's Python, and lib/ with the program and the libraries that it needs, nothing else.
It gets its name once all of it is on the disk: a power cut leaves no half of one.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from imgbot.domain.errors import ImgbotError
from imgbot.files import sync
from imgbot.ops.install.onefile_start import make_environment
from imgbot.ops.installation import (
    DISTRIBUTION,
    EXTRAS,
    Layout,
    has_sandbox,
    shipped,
    shipped_names,
)
from imgbot.version import BUILT, commit, version

_SANDBOX = "imgbot/sandbox/"
"""Needed by `imgbot demo` and `imgbot loadtest` alone."""

_HIDDEN = ("/root", "/home", "/tmp", "/run")  # noqa: S108 -- no file is made there
"""Folders that the unit's sandboxing hides (ProtectHome=, PrivateTmp=)."""


class InstallError(ImgbotError):
    """The installation stops here; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Release:
    """One program with its libraries, for one Python."""

    name: str
    """Its version, and eight digits of its checksum."""
    python: Path
    """The server's own interpreter."""
    files: Mapping[str, Path]
    """Path below site-packages → where it is now; empty for one that is in its place."""

    @property
    def version(self) -> str:
        return self.name.rpartition("-")[0]


def check_python(python: Path) -> None:
    """Raise InstallError if a service could not see this interpreter."""
    if any(python.is_relative_to(folder) for folder in _HIDDEN):
        raise InstallError(
            f"this Python is {python}, where the service cannot see it; "
            "run this with a Python from /usr"
        )


def running_release(layout: Layout, *, with_sandbox: bool = False) -> Release:
    """Return what is running. Raises InstallError if it cannot be copied."""
    python = Path(sys.executable).resolve()
    # It may have been started by any link.
    folder = Path(sys.prefix).resolve()
    if folder.parent == layout.program.resolve():
        if with_sandbox and not has_sandbox():
            raise InstallError(
                "this release was installed without the sandbox; run "
                "`imgbot install --with-sandbox` where it was installed from"
            )
        return Release(folder.name, python, {})
    files = {
        name: path
        for name, path in sorted(_release_files())
        if with_sandbox or not name.startswith(_SANDBOX)
    }
    return Release(f"{version()}-{_digest(files)}", python, files)


def parts() -> list[str]:
    """Return the commit, the Python and the libraries of what is running."""
    found = _needed(DISTRIBUTION, EXTRAS)
    libraries = [f"{name} {found[name].version}" for name in sorted(found) if name != DISTRIBUTION]
    python = f"Python {platform.python_version()}, {Path(sys.executable).resolve()}"
    return [f"commit {commit() or 'unknown'}", python, *libraries]


def copy_release(release: Release, folder: Path) -> None:
    """Put a release into its folder, complete or not at all. Raises InstallError, OSError."""
    incoming = folder.with_name(f".incoming-{folder.name}")
    shutil.rmtree(incoming, ignore_errors=True)
    try:
        _fill(release, incoming, folder)
        # Else a power cut would leave empty files under a name that says that all is there.
        os.sync()
        incoming.rename(folder)
        sync(folder.parent)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def _fill(release: Release, incoming: Path, folder: Path) -> None:
    packages = make_environment(incoming, release.python)
    for name, source in release.files.items():
        target = packages / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(0o755 if source.stat().st_mode & 0o100 else 0o644)
    # What a checkout's build has written is older than its commit.
    built = packages / "imgbot" / Path(BUILT).name
    built.parent.mkdir(parents=True, exist_ok=True)
    built.write_text(f"{release.version}\n{commit()}\n")
    script = incoming / "bin/imgbot"
    script.write_text(
        f"#!{folder}/bin/python3\nfrom imgbot.cli import main\n\n"
        'if __name__ == "__main__":\n    raise SystemExit(main())\n'
    )
    script.chmod(0o755)
    # The service may not write there, and would compile everything anew at every start.
    # -I: root must not run a compileall.py of the folder where this was typed.
    command = [str(incoming / "bin/python3"), "-I", "-m", "compileall", "-q", "-j", "0"]
    paths = ["-s", str(incoming), "-p", str(folder), str(incoming / "lib")]
    made = subprocess.run([*command, *paths], capture_output=True, text=True, check=False)  # noqa: S603
    if made.returncode:
        raise InstallError(f"the program could not be compiled: {made.stdout.strip()[-300:]}")


def _release_files() -> Iterator[tuple[str, Path]]:
    for found in _needed(DISTRIBUTION, EXTRAS).values():
        yield from _files_of(found)
    # A checkout's package is not among the files of its distribution.
    package = Path(BUILT).parent
    for path in package.rglob("*"):
        if path.is_file() and path != Path(BUILT) and "__pycache__" not in path.parts:
            yield f"imgbot/{path.relative_to(package).as_posix()}", path
    for name in shipped_names():
        yield f"imgbot/ops/shipped/{name}", Path(str(shipped(name)))


def _needed(name: str, extras: tuple[str, ...]) -> dict[str, Distribution]:
    """Find a distribution and all that it requires, as far as it is installed."""
    found: dict[str, Distribution] = {}
    waiting = [(name, extras)]
    seen: set[tuple[str, tuple[str, ...]]] = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            # Of an extra that nobody installed.
            continue
        for text in found[name].requires or ():
            need = Requirement(text)
            marker = need.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in (*extras, "")):
                waiting.append((canonicalize_name(need.name), tuple(sorted(need.extras))))
    if DISTRIBUTION not in found:
        raise InstallError("imgbot is not installed in this Python: pip install it first")
    return found


def _files_of(found: Distribution) -> Iterator[tuple[str, Path]]:
    for file in found.files or ():
        path = Path(str(found.locate_file(file)))
        name = PurePosixPath(file)
        # Scripts name another interpreter; a .pth of a checkout leads back to it; and two installs
        # of the same files are one release at any path (RECORD has checksums of scripts).
        is_left = name.parts[0] in {"..", "/", "bin"} or "__pycache__" in name.parts
        is_local = name.suffix == ".pth" or name.name in {"RECORD", "direct_url.json"}
        if not (is_left or is_local) and path.is_file():
            yield name.as_posix(), path


def _digest(files: Mapping[str, Path]) -> str:
    machine = f"{sysconfig.get_platform()}python{sysconfig.get_python_version()}"
    whole = hashlib.sha256(machine.encode())
    for name, path in files.items():
        whole.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()[:8]
