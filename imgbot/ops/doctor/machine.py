"""The machine under the bot: disk, memory, the kernel's setting for Redis, Python, libraries."""

import contextlib
import os
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet

from imgbot.config.settings import Settings
from imgbot.domain.findings import Finding, ok, warning, wrong
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
    """Decide; what depends on settings is left out where there are none."""
    found = [_disk(seen, settings), _overcommit(seen.overcommit), _python(seen), _libraries(seen)]
    if settings is not None:
        found += judge_workers(settings.worker_count, seen.memory_bytes, seen.cores)
    return found


def judge_workers(workers: int, memory_bytes: int | None, cores: int) -> list[Finding]:
    """Decide whether the machine carries so many workers."""
    found = [_memory(memory_bytes, workers)]
    if cores and workers > (most := cores * _WORKERS_PER_CORE):
        text = f"{workers} workers share {cores} cores: more than {most} wait for each other"
        found.append(warning("cores", text, f"IMGBOT_WORKERS={most}, or more cores"))
    return found


def _disk(seen: Machine, settings: Settings | None) -> Finding:
    if seen.free_bytes is None:
        return warning("disk", f"{seen.folder} cannot be looked at", "sudo imgbot doctor")
    free = f"{seen.free_bytes // _MIB} MB are free below {seen.folder}"
    mend = f"sudo du -xh --max-depth=2 {seen.folder} | sort -h | tail"
    if seen.free_bytes < LEAST_FREE_BYTES:
        return wrong("disk", f"{free}: no job can be stored", mend)
    if seen.free_inodes is not None and seen.free_inodes < _FEW_INODES:
        return wrong("disk", f"only {seen.free_inodes} more files fit below {seen.folder}", mend)
    kept_mb = settings.kept_pictures_mb if settings else 0
    if seen.free_bytes < max(_FEW_FREE_BYTES, kept_mb * _MIB):
        text = f"{free}, and pictures may be kept up to {kept_mb} MB"
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
        return warning("memory", "how much memory there is cannot be read")
    needed_bytes = _BASE_BYTES + workers * _WORKER_BYTES
    text = f"{workers} workers need some {needed_bytes // _MIB} MB of {total_bytes // _MIB} MB"
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
    return wrong("python", f"{text}, but {seen.wants_python} is needed", "sudo apt install python3")


def _libraries(seen: Machine) -> Finding:
    ill: list[str] = []
    for name, versions in seen.required.items():
        version = seen.installed.get(name)
        if version is None:
            ill.append(f"{name} is missing")
        elif not SpecifierSet(versions).contains(version, prereleases=True):
            ill.append(f"{name} {version} is there, {versions} is needed")
    if ill:
        return wrong("libraries", "; ".join(ill)[:300], "sudo imgbot install, or pip install .")
    return ok("libraries", f"all {len(seen.required)} are there in the versions asked for")


def _required() -> tuple[dict[str, str], str]:
    """Return what the program asks for, without extras, and its Python."""
    try:
        about = metadata.metadata("imgbot")
        lines = metadata.requires("imgbot") or []
    except metadata.PackageNotFoundError:
        return {}, ""
    required: dict[str, str] = {}
    for line in lines:
        try:
            asked = Requirement(line)
        except InvalidRequirement:
            continue
        if asked.marker is None or asked.marker.evaluate({"extra": ""}):
            required[asked.name] = str(asked.specifier)
    return required, str(about.json.get("requires_python", ""))


def _installed(names: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def total_memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None


def _number(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return int(text) if text.isdecimal() else None
