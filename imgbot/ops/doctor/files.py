"""The files of an installation: who may read the secrets, and whether the unit is as shipped."""

import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from imgbot.config.provider_settings import key_variables
from imgbot.config.sources import read_environment_file
from imgbot.domain.errors import ConfigError
from imgbot.domain.findings import Finding, ok, warning, wrong
from imgbot.ops.installation import shipped

UNIT = "imgbot.service"
UNIT_FOLDERS = (Path("/etc/systemd/system"), Path("/usr/lib/systemd/system"))
_OTHERS = 0o077
# An installation elsewhere says so in these lines, and in no other.
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


def inspect(environ: Mapping[str, str], unit_folders: Iterable[Path] = UNIT_FOLDERS) -> Files:
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


def evaluate(seen: Files) -> list[Finding]:
    return [*_permissions(seen), *_environment_file(seen), *_unit(seen)]


def _permissions(seen: Files) -> list[Finding]:
    if seen.hidden:
        return [warning("secrets", f"{seen.hidden} cannot be looked into", "sudo imgbot doctor")]
    open_ones = [entry for entry in seen.secrets if entry.mode & _OTHERS]
    if not open_ones:
        count = sum(not entry.is_folder for entry in seen.secrets)
        return [ok("secrets", f"{count} files, for their owner alone")] if count else []
    return [
        wrong(
            "secrets",
            f"{entry.path} is open to others (mode {entry.mode:04o})",
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
    text = f"{file.path} holds {', '.join(names)}, and everybody can read it"
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
            f"{seen.unit_path} is not as shipped: {changed}"[:300],
            "sudo imgbot install; changes of your own belong into: sudo systemctl edit imgbot",
        )
        if changed
        else ok("unit", f"{seen.unit_path} is as shipped")
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
        # It is told as a wrong setting, with its line.
        return ()
    secret = {"IMGBOT_TOKEN", *key_variables()}
    return tuple(sorted(name for name, value in values.items() if value and name in secret))
