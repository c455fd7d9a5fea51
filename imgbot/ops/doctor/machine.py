"""Findings about the machine and the files of an installation.

Disk, memory, the kernel's setting for Redis, Python, libraries; who may read the secrets, and
whether the unit is as shipped.
"""

import contextlib
import os
import platform
import shutil
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import psutil
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from imgbot.config.settings import Settings, key_variables
from imgbot.config.sources import read_environment_file
from imgbot.domain.errors import ConfigError
from imgbot.domain.findings import Finding, ok, warning, wrong
from imgbot.ops.installation import UNIT, shipped
from imgbot.ops.resource_usage import LEAST_FREE_BYTES, free_files, place_of

_MIB = 1 << 20
_GIB = 1 << 30
_FEW_FREE_BYTES = _GIB
_FEW_INODES = 10_000
# Measured: supervisor and Redis together, and a worker that has painted, without its peak.
_BASE_BYTES = 220 * _MIB
_WORKER_BYTES = 60 * _MIB
_WORKERS_PER_CORE = 8
_SHARE = 0.85
"""MemoryMax of the unit."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Facts of the machine; None where one is unknown."""

    folder: Path
    free_bytes: int | None
    free_inodes: int | None
    memory_bytes: int | None
    overcommit: int | None
    python: str
    wants_python: str = ""
    required: Mapping[str, str] = field(default_factory=dict[str, str])
    """Library → the versions asked for."""
    installed: Mapping[str, str] = field(default_factory=dict[str, str])
    cores: int = 0


def inspect(state_dir: Path) -> Machine:
    folder = place_of(state_dir)
    free_bytes = free_inodes = None
    with contextlib.suppress(OSError):
        free_bytes, free_inodes = shutil.disk_usage(folder).free, free_files(folder)
    required, wants_python = _required()
    return Machine(
        folder=folder,
        free_bytes=free_bytes,
        free_inodes=free_inodes,
        memory_bytes=total_memory_bytes(),
        cores=os.cpu_count() or 0,
        overcommit=_number(Path("/proc/sys/vm/overcommit_memory")),
        python=platform.python_version(),
        wants_python=wants_python,
        required=required,
        installed=_installed(required),
    )


def evaluate(seen: Machine, settings: Settings | None) -> list[Finding]:
    """Evaluate the facts; what depends on settings is left out without them."""
    found = [_disk(seen, settings), _overcommit(seen.overcommit), _python(seen), _libraries(seen)]
    if settings is not None:
        found += judge_workers(settings.worker_count, seen.memory_bytes, seen.cores)
    return found


def judge_workers(workers: int, memory_bytes: int | None, cores: int) -> list[Finding]:
    """Evaluate whether the machine can run so many workers."""
    found = [_memory(memory_bytes, workers)]
    if cores and workers > (most := cores * _WORKERS_PER_CORE):
        text = f"{workers} workers share {cores} cores: more than {most} wait for each other"
        found.append(warning("cores", text, f"IMGBOT_WORKERS={most}, or more cores"))
    return found


def _disk(seen: Machine, settings: Settings | None) -> Finding:
    if seen.free_bytes is None:
        return warning("disk", f"{seen.folder} cannot be read", "sudo imgbot doctor")
    free = f"{seen.free_bytes // _MIB} MB free in {seen.folder}"
    mend = f"sudo du -xh --max-depth=2 {seen.folder} | sort -h | tail"
    if seen.free_bytes < LEAST_FREE_BYTES:
        return wrong("disk", f"{free}: no job can be stored", mend)
    if seen.free_inodes is not None and seen.free_inodes < _FEW_INODES:
        return wrong("disk", f"only {seen.free_inodes} free inodes in {seen.folder}", mend)
    kept_mb = settings.kept_pictures_mb if settings else 0
    if seen.free_bytes < max(_FEW_FREE_BYTES, kept_mb * _MIB):
        text = f"{free}, but up to {kept_mb} MB of pictures are kept"
        return warning("disk", text, "IMGBOT_KEPT_PICTURES_MB=500, or free some space")
    return ok("disk", free)


def _overcommit(value: int | None) -> Finding:
    if value is None:
        return warning("overcommit", "vm.overcommit_memory cannot be read")
    if value == 1:
        return ok("overcommit", "vm.overcommit_memory is 1: Redis can always rewrite its file")
    text = f"vm.overcommit_memory is {value}: Redis may fail to rewrite its file when memory is low"
    line = "echo vm.overcommit_memory=1 | sudo tee /etc/sysctl.d/60-redis.conf"
    return warning("overcommit", text, f"{line} && sudo sysctl --system")


def _memory(total_bytes: int | None, workers: int) -> Finding:
    if total_bytes is None:
        return warning("memory", "the amount of memory cannot be read")
    needed_bytes = _BASE_BYTES + workers * _WORKER_BYTES
    text = f"{workers} workers need about {needed_bytes // _MIB} MB of {total_bytes // _MIB} MB"
    if needed_bytes <= total_bytes * _SHARE:
        return ok("memory", text)
    fit = max(1, int((total_bytes * _SHARE - _BASE_BYTES) // _WORKER_BYTES))
    return warning("memory", text, f"IMGBOT_WORKERS={fit}, or more memory")


def _python(seen: Machine) -> Finding:
    text = f"Python {seen.python}"
    if not seen.wants_python or SpecifierSet(seen.wants_python).contains(
        seen.python, prereleases=True
    ):
        return ok("python", text)
    return wrong(
        "python", f"{text}, but imgbot needs {seen.wants_python}", "sudo apt install python3"
    )


def _libraries(seen: Machine) -> Finding:
    ill: list[str] = []
    for name, versions in seen.required.items():
        version = seen.installed.get(name)
        if version is None:
            ill.append(f"{name} is missing")
        elif not SpecifierSet(versions).contains(version, prereleases=True):
            ill.append(f"{name} {version} is installed, {versions} is required")
    if ill:
        return wrong("libraries", "; ".join(ill)[:300], "sudo imgbot install, or pip install .")
    return ok("libraries", f"all {len(seen.required)} are installed in the required versions")


def _required() -> tuple[dict[str, str], str]:
    """Return what the program asks for, without extras, and its Python."""
    try:
        about = metadata.metadata("imgbot")
        lines = metadata.requires("imgbot") or []
    except metadata.PackageNotFoundError:
        return {}, ""
    asked = [Requirement(line) for line in lines]
    required = {
        each.name: str(each.specifier)
        for each in asked
        if each.marker is None or each.marker.evaluate({"extra": ""})
    }
    return required, str(about.json.get("requires_python", ""))


def _installed(names: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def total_memory_bytes() -> int:
    return psutil.virtual_memory().total


def _number(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return int(text) if text.isdecimal() else None


UNIT_FOLDERS = (Path("/etc/systemd/system"), Path("/usr/lib/systemd/system"))
_OTHERS = 0o077
# An installation elsewhere differs in these lines only.
_OF_THE_PLACE = frozenset({"ExecStart", "ExecReload", "ExecPaths"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder whose mode matters."""

    path: str
    mode: int
    is_folder: bool = False


@dataclass(frozen=True, slots=True)
class Files:
    """Files found on disk; None where one is missing, `hidden` is a folder that cannot be read."""

    secrets: tuple[Entry, ...] = ()
    hidden: str = ""
    environment_file: Entry | None = None
    secrets_in_environment_file: tuple[str, ...] = ()
    unit_path: str = ""
    unit: str | None = None
    shipped_unit: str | None = None
    drop_ins: tuple[str, ...] = field(default=())


def inspect_files(environ: Mapping[str, str], unit_folders: Iterable[Path] = UNIT_FOLDERS) -> Files:
    secrets, hidden = _secrets(environ.get("CREDENTIALS_DIRECTORY", ""))
    file = environ.get("IMGBOT_ENVIRONMENT_FILE", "")
    unit = next((path for folder in unit_folders if (path := folder / UNIT).is_file()), None)
    return Files(
        secrets=secrets,
        hidden=hidden,
        environment_file=_entry(Path(file)) if file else None,
        secrets_in_environment_file=_secrets_in(file),
        unit_path=str(unit or ""),
        unit=unit.read_text(encoding="utf-8", errors="replace") if unit else None,
        shipped_unit=shipped(UNIT).read_text(encoding="utf-8"),
        drop_ins=tuple(
            str(path)
            for folder in unit_folders
            for path in sorted((folder / f"{UNIT}.d").glob("*.conf"))
        ),
    )


def evaluate_files(seen: Files) -> list[Finding]:
    return [*_permissions(seen), *_environment_file(seen), *_unit(seen)]


def _permissions(seen: Files) -> list[Finding]:
    if seen.hidden:
        return [warning("secrets", f"{seen.hidden} cannot be read", "sudo imgbot doctor")]
    open_ones = [entry for entry in seen.secrets if entry.mode & _OTHERS]
    if not open_ones:
        count = sum(not entry.is_folder for entry in seen.secrets)
        return [ok("secrets", f"{count} files, accessible to their owner only")] if count else []
    return [
        wrong(
            "secrets",
            f"{entry.path} is accessible to others (mode {entry.mode:04o})",
            f"sudo chmod {_wanted(entry)} {entry.path}",
            ("chmod", _wanted(entry), entry.path),
        )
        for entry in open_ones
    ]


def _wanted(entry: Entry) -> str:
    return "0700" if entry.is_folder else "0600"


def _environment_file(seen: Files) -> list[Finding]:
    file, names = seen.environment_file, seen.secrets_in_environment_file
    if file is None or not names or not file.mode & 0o007:
        return []
    text = f"{file.path} contains {', '.join(names)} and is readable by everybody"
    mend = (
        f"move it into /etc/imgbot/credentials (mode 0600), or: sudo chmod 0600 {file.path}"
        " (then `systemctl restart` applies it, and `systemctl reload` does not)"
    )
    return [wrong("secrets", text, mend)]


def _unit(seen: Files) -> list[Finding]:
    if seen.unit is None or seen.shipped_unit is None:
        return [ok("unit", "not installed as a service")]
    differing = sorted(_lines(seen.unit) ^ _lines(seen.shipped_unit))
    names = dict.fromkeys(line.partition("=")[0] for line in differing)
    changed = ", ".join(name for name in names if name not in _OF_THE_PLACE)
    found = (
        warning(
            "unit",
            f"{seen.unit_path} differs from the shipped unit: {changed}"[:300],
            "sudo imgbot install; put your own changes into: sudo systemctl edit imgbot",
        )
        if changed
        else ok("unit", f"{seen.unit_path} matches the shipped unit")
    )
    extra = [ok("unit", f"changed by {path}", "systemctl cat imgbot") for path in seen.drop_ins]
    return [found, *extra]


def _lines(unit: str) -> frozenset[str]:
    """Return the directives, each once; comments, order and blank lines do not count."""
    lines = (line.strip() for line in unit.splitlines())
    return frozenset(line for line in lines if line and line[0] not in "#;[")


def _secrets(folder: str) -> tuple[tuple[Entry, ...], str]:
    if not folder:
        return (), ""
    try:
        top = _entry(Path(folder))
        below = [_entry(path) for path in sorted(Path(folder).iterdir())]
    except FileNotFoundError:
        return (), ""
    except OSError:
        return (), folder
    return tuple(entry for entry in (top, *below) if entry is not None), ""


def _entry(path: Path) -> Entry | None:
    try:
        mode = path.stat().st_mode
    except OSError:
        return None
    return Entry(str(path), stat.S_IMODE(mode), stat.S_ISDIR(mode))


def _secrets_in(file: str) -> tuple[str, ...]:
    try:
        values = read_environment_file(Path(file)) if file else {}
    except ConfigError:
        # It is reported as a wrong setting, with its line.
        return ()
    secret = {"IMGBOT_TOKEN", *key_variables()}
    return tuple(sorted(name for name, value in values.items() if value and name in secret))
