"""Build of the one file: `python -m imgbot.ops.install.onefile_build dist/imgbot`.

An archive with the locked wheels of several Pythons, unpacked, each content stored once: what
Python 3.11 and 3.14 share is most of it. Needs pip, the package registry and what
requirements/build.txt locks, nothing of the other Pythons. Two builds of one commit are equal.
A few lines of shell stand before it, which notice a copy that was cut off.
"""

import argparse
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

from imgbot.ops.install import onefile_start
from imgbot.version import git

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
"""Debian 12, Ubuntu 24.04, Debian 13, Ubuntu 26.04."""

_GLIBC = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_24", "manylinux_2_17", "manylinux2014")
"""Wheel platform tags that run on all of these systems (glibc 2.36 or later)."""

ROOT = Path(__file__).parents[3]
_NO_COMMIT_S = "1577836800"
_SHELL = """#!/bin/sh
refuse() {{ echo "imgbot: $*" >&2; exit 1; }}
[ "$(wc -c <"$0")" -eq {size:<12} ] || refuse "this file is incomplete; copy it here again"
command -v python3 >/dev/null || refuse "needs Python 3.11 or later: sudo apt install python3"
exec python3 "$0" "$@"
"""

_SCRIPTS = re.compile(rb"^\.\./\.\./bin/.*\n", re.MULTILINE)
"""Lines of a RECORD with the checksums of scripts."""


def build() -> None:
    """Build the file that the command line names."""
    parser = argparse.ArgumentParser(description="Build imgbot as one executable file.")
    parser.add_argument("out", type=Path)
    add_options(parser)
    parser.add_argument(
        "--with-extras", action="store_true", help="carry the extras for operators, too"
    )
    options = parser.parse_args()
    lock = "extras" if options.with_extras else "program"
    with tempfile.TemporaryDirectory(prefix="imgbot-build-") as name:
        wheel = build_wheel(Path(name))
        build_one_file(options.out, wheel, options.pythons, options.machine, lock)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--pythons",
        type=lambda text: text.split(","),
        default=list(PYTHONS),
        help=f"which Pythons it fits, with commas (default {','.join(PYTHONS)})",
    )
    parser.add_argument("--machine", default=platform.machine(), help="x86_64 or aarch64")


def build_wheel(folder: Path) -> Path:
    """Build the wheel of the program; everything is given the date of the commit from now on."""
    os.environ.setdefault("SOURCE_DATE_EPOCH", git("log", "-1", "--format=%ct") or _NO_COMMIT_S)
    # Where a strict umask would show in the bytes.
    os.umask(0o022)
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT))
    (wheel,) = folder.glob("*.whl")
    return wheel


def build_one_file(
    out: Path, wheel: Path, pythons: Sequence[str], machine: str, lock: str = "program"
) -> None:
    """Build the file from a wheel of the program and what a lock names."""
    platforms = [word for glibc in _GLIBC for word in ("--platform", f"{glibc}_{machine}")]
    parts = {}
    with tempfile.TemporaryDirectory(prefix="imgbot-build-") as name:
        for python in pythons:
            print(f"collecting what Python {python} needs", flush=True)
            target = Path(name) / python
            _pip(
                *("install", "--no-compile", "--target", str(target), "--only-binary", ":all:"),
                *("--python-version", python, "--implementation", "cp", *platforms),
                *("--no-deps", "--requirement", str(ROOT / "requirements" / f"{lock}.txt")),
            )
            with zipfile.ZipFile(wheel) as program:
                program.extractall(target)
            parts[python] = target
        write_bundle(out, parts, machine)
    size_mb, version = out.stat().st_size / 1e6, wheel.name.split("-")[1]
    print(f"{out}: {size_mb:.0f} MB, imgbot {version}, {', '.join(pythons)}")


def write_bundle(out: Path, parts: dict[str, Path], machine: str) -> None:
    """Write the file from a folder of packages per Python."""
    out.parent.mkdir(parents=True, exist_ok=True)
    incoming = out.with_name(f".{out.name}.incoming")
    pythons: dict[str, dict[str, object]] = {}
    with incoming.open("wb") as file:
        file.write(_SHELL.format(size=0).encode())
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as bundle:
            stored: set[str] = set()
            for python, folder in parts.items():
                pythons[python] = {"files": _store(bundle, folder, stored)}
            manifest = {"machine": machine, "order": list(parts), "pythons": pythons}
            _add(bundle, "manifest.json", json.dumps(manifest).encode())
            _add(bundle, "__main__.py", Path(onefile_start.__file__).read_bytes())
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        file.write(_SHELL.format(size=size).encode())
    incoming.chmod(0o755)
    incoming.replace(out)


def _store(bundle: zipfile.ZipFile, folder: Path, stored: set[str]) -> dict[str, tuple[str, bool]]:
    """Add what is not stored yet; return path → (content, whether it can be run)."""
    files: dict[str, tuple[str, bool]] = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        # Scripts name the Python of this machine.
        if not path.is_file() or parts[0] == "bin" or "__pycache__" in parts:
            continue
        content = path.read_bytes()
        if path.name == "RECORD":
            content = _SCRIPTS.sub(b"", content)
        digest = hashlib.sha256(content).hexdigest()[:32]
        if digest not in stored:
            stored.add(digest)
            _add(bundle, f"files/{digest}", content)
        is_program = bool(path.stat().st_mode & 0o100)
        files[path.relative_to(folder).as_posix()] = (digest, is_program)
    return files


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True)  # noqa: S603 -- the words of this module


def _add(bundle: zipfile.ZipFile, name: str, content: bytes) -> None:
    made_s = int(os.environ.get("SOURCE_DATE_EPOCH", _NO_COMMIT_S))
    entry = zipfile.ZipInfo(name, time.gmtime(made_s)[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    bundle.writestr(entry, content, compresslevel=9)


if __name__ == "__main__":
    build()
