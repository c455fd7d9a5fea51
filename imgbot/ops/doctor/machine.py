"""Checks of the machine and the files of an installation: disk, memory, who may read secrets."""

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from imgbot.config.settings import Settings, key_variables
from imgbot.config.sources import read_environment_file
from imgbot.domain.errors import ConfigError
from imgbot.domain.findings import Finding, ok, warning, wrong
from imgbot.ops.formatting import count
from imgbot.ops.resource_usage import disk_problem, nearest_folder

_MIB = 1 << 20
_FEW_FREE_BYTES = 1 << 30
# Measured: supervisor and Redis together, and a worker that has painted, without its peak.
_BASE_BYTES = 220 * _MIB
_WORKER_BYTES = 60 * _MIB
_WORKERS_PER_CORE = 8
_SHARE = 0.85
"""MemoryMax of the unit."""


def check_machine(state_dir: Path, settings: Settings | None) -> list[Finding]:
    """Check the machine; what depends on settings is left out without them."""
    try:
        folder = nearest_folder(state_dir)
        kept_mb = settings.kept_pictures_mb if settings else 0
        free_bytes = shutil.disk_usage(folder).free
        disk = judge_disk(folder, free_bytes, kept_mb, disk_problem(state_dir))
    except OSError:
        disk = warning("disk", f"{state_dir} cannot be read", "sudo imgbot doctor")
    found = [disk, check_overcommit()]
    if settings is not None:
        memory_bytes, cores = psutil.virtual_memory().total, os.cpu_count() or 0
        found += judge_workers(settings.worker_count, memory_bytes, cores)
    return found


def judge_workers(workers: int, memory_bytes: int, cores: int) -> list[Finding]:
    """Evaluate whether the machine can run so many workers."""
    needed_bytes = _BASE_BYTES + workers * _WORKER_BYTES
    text = f"{workers} workers need about {needed_bytes // _MIB} MB of {memory_bytes // _MIB} MB"
    fit = max(1, int((memory_bytes * _SHARE - _BASE_BYTES) // _WORKER_BYTES))
    found = [
        ok("memory", text)
        if needed_bytes <= memory_bytes * _SHARE
        else warning("memory", text, f"IMGBOT_WORKERS={fit}, or more memory")
    ]
    if cores and workers > (most := cores * _WORKERS_PER_CORE):
        text = f"{workers} workers share {cores} cores: more than {most} wait for each other"
        found.append(warning("cores", text, f"IMGBOT_WORKERS={most}, or more cores"))
    return found


def judge_disk(folder: Path, free_bytes: int, kept_mb: int, problem: str) -> Finding:
    if problem:
        return wrong("disk", problem, f"sudo du -xh --max-depth=2 {folder} | sort -h | tail")
    free = f"{free_bytes // _MIB} MB free in {folder}"
    if free_bytes < max(_FEW_FREE_BYTES, kept_mb * _MIB):
        text = f"{free}, but up to {kept_mb} MB of pictures are kept"
        return warning("disk", text, "IMGBOT_KEPT_PICTURES_MB=500, or free some space")
    return ok("disk", free)


def check_overcommit(path: Path = Path("/proc/sys/vm/overcommit_memory")) -> Finding:
    try:
        value = path.read_text(encoding="utf-8").strip()
    except OSError:
        return warning("overcommit", "vm.overcommit_memory cannot be read")
    if value == "1":
        return ok("overcommit", "vm.overcommit_memory is 1: Redis can always rewrite its file")
    text = f"vm.overcommit_memory is {value}: Redis may fail to rewrite its file when memory is low"
    line = "echo vm.overcommit_memory=1 | sudo tee /etc/sysctl.d/60-redis.conf"
    return warning("overcommit", text, f"{line} && sudo sysctl --system")


def check_files(environ: Mapping[str, str]) -> list[Finding]:
    """Check who may read the secrets."""
    folder, file = environ.get("CREDENTIALS_DIRECTORY"), environ.get("IMGBOT_ENVIRONMENT_FILE")
    return [
        *(_secrets(Path(folder)) if folder else ()),
        *(_environment_file(Path(file)) if file else ()),
    ]


def _secrets(folder: Path) -> Iterator[Finding]:
    try:
        modes = {path: path.stat().st_mode for path in (folder, *sorted(folder.iterdir()))}
    except FileNotFoundError:
        return
    except OSError:
        yield warning("secrets", f"{folder} cannot be read", "sudo imgbot doctor")
        return
    open_ones = {path: mode for path, mode in modes.items() if mode & 0o077}
    if not open_ones:
        yield ok("secrets", f"{count(len(modes) - 1, 'file')}, accessible to the owner only")
    for path, mode in open_ones.items():
        wanted = "0700" if stat.S_ISDIR(mode) else "0600"
        text = f"{path} is accessible to others (mode {stat.S_IMODE(mode):04o})"
        yield wrong("secrets", text, f"sudo chmod {wanted} {path}", ("chmod", wanted, str(path)))


def _environment_file(path: Path) -> Iterator[Finding]:
    try:
        values, mode = read_environment_file(path), path.stat().st_mode
    except (ConfigError, OSError):
        # It is reported as a wrong setting, with its line.
        return
    names = sorted(name for name in {"IMGBOT_TOKEN", *key_variables()} if values.get(name))
    if names and mode & 0o007:
        yield wrong(
            "secrets",
            f"{path} contains {', '.join(names)} and is readable by everybody",
            f"move it into /etc/imgbot/credentials (mode 0600), or: sudo chmod 0600 {path}"
            " (then `systemctl restart` applies it, and `systemctl reload` does not)",
        )
