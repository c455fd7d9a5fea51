"""Entry point of the one file: `__main__` of the archive that `onefile_build` makes.

It unpacks what fits this Python into a temporary folder that is a virtual environment, and becomes
the program there: shared libraries cannot be loaded out of an archive. The folder is removed when
the program has ended, however it ends.
Standard library only, in words that Python 3.6 understands, for it must be told that it is old.
"""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any, NoReturn

_MINE = f"{sys.version_info[0]}.{sys.version_info[1]}"


def become_program() -> NoReturn:
    """Become the program, or end with a sentence that says why not."""
    archive = Path(__file__).absolute().parent
    if sys.argv[1:2] == ["install"]:
        _check_sum(archive)
    with zipfile.ZipFile(str(archive)) as bundle:
        part = _fitting(json.loads(bundle.read("manifest.json").decode()), archive)
        folder = Path(tempfile.mkdtemp(prefix="imgbot-", dir=str(_executable_folder())))
        _remove_at_end(folder)
        try:
            _unpack(bundle, part, folder)
        except OSError as error:
            raise _refusal(
                f"cannot unpack into {folder}: {error.strerror}; make room there, or set TMPDIR"
            ) from None
        except KeyboardInterrupt:
            raise _refusal("interrupted; nothing is changed") from None
    clean = {name: v for name, v in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    # A file imgbot.py where one stands must not become the program.
    clean["PYTHONSAFEPATH"] = "1"
    words = [str(folder / "bin" / "python3"), "-m", "imgbot", *sys.argv[1:]]
    os.execve(words[0], words, clean)  # noqa: S606 -- no shell, by design


def _check_sum(archive: Path) -> None:
    """Exit if a file SHA256SUMS beside the archive has another sum for it."""
    sums = archive.parent / "SHA256SUMS"
    if not sums.is_file():
        return
    mine = hashlib.sha256(archive.read_bytes()).hexdigest()
    for line in sums.read_text(errors="replace").splitlines():
        theirs, _, name = line.partition(" ")
        if name[1:] == archive.name and theirs != mine:
            raise _refusal(
                f"{archive} is not the file that {sums} was made for; "
                "download both again, and install nothing before they agree"
            )


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


def _executable_folder() -> Path:
    """Choose a folder for libraries: many servers mount /tmp noexec."""
    for folder in (tempfile.gettempdir(), "/var/tmp", "/opt"):  # noqa: S108
        if os.access(folder, os.W_OK) and not os.statvfs(folder).f_flag & os.ST_NOEXEC:
            return Path(folder)
    raise _refusal("no temporary folder allows programs to run; set TMPDIR to one that does")


def _remove_at_end(folder: Path) -> None:
    """Leave a process behind that removes the folder when this one, the program by then, ends."""
    ended, alive = os.pipe()
    if os.fork():
        os.close(ended)
        # Open until the program ends: what it starts does not inherit it.
        os.set_inheritable(alive, True)  # noqa: FBT003 -- so it is called
        os.wait()
        return
    # Away from the terminal's Ctrl-C, and no child of the program.
    os.setsid()
    if not os.fork():
        os.close(alive)
        # systemd-tmpfiles passes over a locked folder; it would remove unused files after ten days.
        fcntl.flock(os.open(str(folder), os.O_RDONLY), fcntl.LOCK_SH)
        os.read(ended, 1)
        shutil.rmtree(str(folder), ignore_errors=True)
    os._exit(0)


def make_environment(folder: Path, python: Path) -> Path:
    """Make a virtual environment without pip; return the folder of its packages."""
    packages = folder / "lib" / f"python{_MINE}" / "site-packages"
    packages.mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "bin" / "python3").symlink_to(python)
    (folder / "pyvenv.cfg").write_text(
        f"home = {python.parent}\ninclude-system-site-packages = false\n"
    )
    return packages


def _unpack(bundle: zipfile.ZipFile, part: Any, folder: Path) -> None:
    packages = make_environment(folder, Path(sys.executable).resolve())
    due_s, count, is_told = time.monotonic() + 3, len(part["files"]), False
    for number, (name, (content, is_program)) in enumerate(part["files"].items()):
        if sys.stderr.isatty() and time.monotonic() > due_s:
            due_s, is_told = time.monotonic() + 1, True
            print(f"unpacking, {100 * number // count} %", end="\r", file=sys.stderr, flush=True)
        path = packages / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bundle.read(f"files/{content}"))
        if is_program:
            path.chmod(0o755)
    if is_told:
        print("unpacked, starting", file=sys.stderr, flush=True)


def _refusal(sentence: str) -> SystemExit:
    return SystemExit(f"imgbot: {sentence}")


if __name__ == "__main__":
    become_program()
