"""Settings in a backup: the environment file, secrets where wanted, and own providers' files."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from imgbot.config.settings import key_names_in, key_variables
from imgbot.config.sources import CREDENTIALS, provider_files_of, read_environment_file
from imgbot.domain.errors import ConfigError
from imgbot.files import replace_file
from imgbot.ops.installation import umask
from imgbot.providers.factory import files_of

_FILE, _FOLDER = "imgbot.env", "credentials"
_PROVIDERS = "settings/providers"

_NO_COMMANDS = """
# The commands above are from a backup, and root would run them. Read them, then delete these lines.
IMGBOT_BACKUP_TO=
IMGBOT_BACKUP_FROM=
"""

ProviderFiles = dict[str, list[str]]
"""Path of a provider's file, as the settings name it → the names of its files in its folder."""


def settings_to_keep(
    environ: Mapping[str, str], folder: Path, own_keys: Iterable[str], *, has_secrets: bool
) -> list[tuple[str, Path]]:
    """Return what a backup copies, as (name in the backup, file).

    Without secrets, lines of the environment file that set one are left out, in a copy that is
    made in `folder`; `own_keys` are the variables that own providers' files name as their keys.
    """
    found: list[tuple[str, Path]] = []
    file = environ.get("IMGBOT_ENVIRONMENT_FILE", "")
    if file and Path(file).is_file():
        secret = _secret_line(own_keys)
        lines = Path(file).read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if has_secrets or not secret.match(line)]
        replace_file(folder / _FILE, "".join(kept))
        found.append((f"settings/{_FILE}", folder / _FILE))
    credentials = environ.get("CREDENTIALS_DIRECTORY", "")
    if has_secrets and credentials and Path(credentials).is_dir():
        # What a link leads to: a backup itself follows none.
        found += [
            (f"settings/{_FOLDER}/{path.name}", Path(os.path.realpath(path)))
            for path in sorted(Path(credentials).iterdir())
        ]
    return found


def put_settings(environ: Mapping[str, str], folder: Path, own_keys: Iterable[str]) -> list[str]:
    """Restore settings where there are none; return a sentence for each file.

    What is there already stays: the new server may have another address, or another provider.
    """
    done: list[str] = []
    source, file = folder / _FILE, environ.get("IMGBOT_ENVIRONMENT_FILE", "")
    if file and source.is_file():
        # One that is no text is put back as it is: its reader says so.
        lines = source.read_text(encoding="utf-8", errors="replace").splitlines()
        has_secrets = any(map(_secret_line(own_keys).match, lines))
        has_commands = _disarm(source)
        done.append(_put(source, Path(file), 0o600 if has_secrets else 0o644))
        done += [f"read the last lines of {file}: they stop its commands"] * has_commands
    credentials = environ.get("CREDENTIALS_DIRECTORY", "")
    if credentials and (folder / _FOLDER).is_dir():
        paths = sorted((folder / _FOLDER).iterdir())
        done += [_put(path, Path(credentials, path.name), 0o600) for path in paths]
        Path(credentials).chmod(0o700)
    return done


def _disarm(source: Path) -> bool:
    """Keep the commands of an unpacked environment file from use; true if it may have any.

    Raises ConfigError for a file that is none.
    """
    text = source.read_text(encoding="utf-8", errors="replace")
    if "IMGBOT_BACKUP_" not in text:
        return False
    replace_file(source, text + _NO_COMMANDS)
    found = read_environment_file(source)
    if any(found.get(name) for name in ("IMGBOT_BACKUP_TO", "IMGBOT_BACKUP_FROM")):
        raise ConfigError("IMGBOT_BACKUP_TO", "cannot be read in the backup")
    return True


def _put(source: Path, target: Path, mode: int) -> str:
    """Restore a file where there is none; return a sentence with the outcome."""
    if target.exists():
        return f"{target} was kept as it is"
    try:
        # The service must find its settings.
        with umask(0o022):
            target.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target, source.read_bytes(), mode)
    except OSError as error:
        return f"{target} was not restored: {error.strerror or error}"
    return f"{target} was restored"


def _secret_line(own_keys: Iterable[str]) -> re.Pattern[str]:
    names = "|".join(sorted({*CREDENTIALS, *key_variables(), *own_keys}))
    return re.compile(rf"^\s*(export\s+)?({names})\s*=")


def provider_files(providers: tuple[str, ...]) -> ProviderFiles:
    """Find the files of those providers that are the operator's own."""
    return {
        name: [file for file in files_of(Path(name)) if _is_beside(file)]
        for name in providers
        if name.endswith(".toml")
    }


def provider_members(kept: ProviderFiles) -> Iterator[tuple[str, Path]]:
    """Return what a backup copies, as (name in the backup, file)."""
    for number, (path, files) in enumerate(kept.items()):
        for at, file in enumerate(files):
            # What a link leads to: a backup follows none, and a provider's file may well be one.
            yield f"{_PROVIDERS}/{number}/{at}", Path(os.path.realpath(Path(path).parent / file))


def provider_keys(paths: Iterable[Path]) -> frozenset[str]:
    """Return the variables that providers' files name as their keys."""
    found = [key_names_in(path) for path in paths if path.is_file()]
    return frozenset({name for names in found for name in (names.key, names.hook_key) if name})


def put_providers(environ: Mapping[str, str], about: Mapping[str, Any], folder: Path) -> list[str]:
    """Restore provider files that the settings here name, where there are none.

    Returns, in sentences, what was done. `about` is of the backup that was unpacked into `folder`.
    Raises ConfigError.
    """
    listed = about.get("provider_files")
    kept = listed.items() if isinstance(listed, dict) else ()
    named, done = provider_files_of(environ), list[str]()
    for number, (path, files) in enumerate(kept):
        if path not in named:
            done.append(f"{path} was not restored: no setting here names it")
        elif _is_usable(path, files):
            for at, file in enumerate(files):
                source = folder / _PROVIDERS / str(number) / str(at)
                done.append(_put(source, Path(path).parent / file, 0o644))
    return done


def _is_usable(path: str, files: Any) -> bool:
    if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
        return False
    return files[:1] == [PurePosixPath(path).name] and all(_is_beside(file) for file in files)


def _is_beside(file: str) -> bool:
    """True if a name stays inside its folder and is that of a provider file or a workflow."""
    path = PurePosixPath(file)
    is_inside = not path.is_absolute() and ".." not in path.parts
    return is_inside and path.suffix in {".toml", ".json"}
