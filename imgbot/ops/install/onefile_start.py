"""Entry point of the one file: `__main__` of the archive that `build` makes.

It unpacks what fits this Python into a folder that is a virtual environment, once, and becomes
the program there: shared libraries cannot be loaded out of an archive. `install` and `uninstall`
run from a temporary folder instead, so that they leave nothing beside what they say.
Standard library only, in words that Python 3.6 understands, for it must be told that it is old.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any, NoReturn

PASSING = ("install", "uninstall")
"""Commands that must leave no unpacked copy behind."""

SYSTEM_CACHE = Path("/var/cache/imgbot")

_INCOMING = ".incoming-"
_UNPACKING_S = 3600.0

_MINE = f"{sys.version_info[0]}.{sys.version_info[1]}"


def main() -> NoReturn:
    """Become the program, or end with a sentence that says why not."""
    archive = Path(__file__).absolute().parent
    with zipfile.ZipFile(str(archive)) as bundle:
        manifest = json.loads(bundle.read("manifest.json").decode())
        part = _fitting(manifest, archive)
        if any(word in PASSING for word in sys.argv[1:]):
            raise SystemExit(_run_passing(bundle, part))
        folder = _cache() / part["id"]
        if not folder.is_dir():
            _unpack_once(bundle, part, folder)
    words = _command(folder)
    os.execve(words[0], words, _environ())  # noqa: S606 -- no shell, by design


def _fitting(manifest: Any, archive: Path) -> Any:
    """Return the part for this Python, re-execute with another Python that fits, or exit."""
    machine, wanted = platform.machine(), manifest["machine"]
    if machine != wanted or not sys.platform.startswith("linux"):
        raise _refusal(
            f"this file is for Linux on {wanted}, and this machine is {platform.system()} on "
            f"{machine}; build one there with `make binary`"
        )
    if platform.libc_ver()[0] != "glibc":
        raise _refusal("this file needs glibc, which is not here; install imgbot with pip")
    pythons = manifest["pythons"]
    if _MINE not in pythons:
        for version in reversed(manifest["order"]):
            other = shutil.which(f"python{version}")
            if other:
                os.execv(other, [other, str(archive), *sys.argv[1:]])  # noqa: S606
        known = ", ".join(manifest["order"])
        raise _refusal(
            f"this server's Python is {_MINE}, and this file carries what Python {known} needs; "
            "install one of them (Debian, Ubuntu: apt install python3)"
        )
    return pythons[_MINE]


def _run_passing(bundle: zipfile.ZipFile, part: Any) -> int:
    folder = Path(tempfile.mkdtemp(prefix="imgbot-", dir=str(_executable_folder())))
    try:
        _unpack(bundle, part, folder)
        with subprocess.Popen(_command(folder), env=_environ()) as program:  # noqa: S603
            while True:
                try:
                    return program.wait()
                except KeyboardInterrupt:
                    # Both processes received it: wait for the program to end.
                    continue
    finally:
        shutil.rmtree(str(folder), ignore_errors=True)


def _executable_folder() -> Path:
    """Choose a folder for libraries: many servers mount /tmp noexec."""
    for folder in (tempfile.gettempdir(), "/var/tmp", "/opt"):  # noqa: S108
        if os.access(folder, os.W_OK) and not os.statvfs(folder).f_flag & os.ST_NOEXEC:
            return Path(folder)
    raise _refusal("no temporary folder allows programs to run; set TMPDIR to one that does")


def _cache() -> Path:
    """Return the folder of unpacked copies; root has its own."""
    base, home = os.environ.get("XDG_CACHE_HOME", ""), os.environ.get("HOME", "")
    # sudo may leave the caller's: what root runs must be root's.
    if base and Path(base).is_dir() and Path(base).stat().st_uid == os.geteuid():
        return Path(base, "imgbot").absolute()
    if os.geteuid() == 0:
        return SYSTEM_CACHE
    if home.startswith("/"):
        return Path(home, ".cache", "imgbot")
    raise _refusal("set HOME or XDG_CACHE_HOME: the program is unpacked there, once")


def _unpack_once(bundle: zipfile.ZipFile, part: Any, folder: Path) -> None:
    incoming = folder.with_name(f"{_INCOMING}{os.getpid()}")
    shutil.rmtree(str(incoming), ignore_errors=True)
    try:
        _unpack(bundle, part, incoming)
        # A power cut would leave empty files under a name that says that all is there.
        os.sync()
        incoming.rename(folder)
        _forget_old(folder)
    except OSError as error:
        # Another start may have been quicker.
        if not folder.is_dir():
            raise _refusal(f"cannot unpack into {folder.parent}: {error.strerror}") from None
    finally:
        shutil.rmtree(str(incoming), ignore_errors=True)


def _forget_old(folder: Path) -> None:
    """Keep one older copy, which may still be running, and what somebody unpacks right now."""
    ages = {path: time.time() - path.stat().st_mtime for path in folder.parent.iterdir()}
    whole = [path for path in ages if not path.name.startswith(_INCOMING) and path != folder]
    halves = [path for path in ages if path.name.startswith(_INCOMING)]
    old = sorted(whole, key=lambda path: ages[path])[1:]
    for path in old + [path for path in halves if ages[path] > _UNPACKING_S]:
        shutil.rmtree(str(path), ignore_errors=True)


def _unpack(bundle: zipfile.ZipFile, part: Any, folder: Path) -> None:
    python = Path(sys.executable).resolve()
    packages = folder / "lib" / f"python{_MINE}" / "site-packages"
    for name, (content, is_program) in part["files"].items():
        path = packages / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bundle.read(f"files/{content}"))
        if is_program:
            path.chmod(0o755)
    (folder / "bin").mkdir()
    (folder / "bin" / "python3").symlink_to(python)
    (folder / "pyvenv.cfg").write_text(
        f"home = {python.parent}\ninclude-system-site-packages = false\n"
    )


def _command(folder: Path) -> "list[str]":
    return [str(folder / "bin" / "python3"), "-m", "imgbot", *sys.argv[1:]]


def _environ() -> "dict[str, str]":
    """Return an environment in which only the program's own packages are found."""
    clean = {name: v for name, v in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    # A file imgbot.py where one stands must not become the program.
    clean["PYTHONSAFEPATH"] = "1"
    return clean


def _refusal(sentence: str) -> SystemExit:
    return SystemExit(f"imgbot: {sentence}")


if __name__ == "__main__":
    main()
