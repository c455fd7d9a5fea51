"""Settings in a backup: the environment file, secrets where wanted, and own providers' files."""

import filecmp
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from imgbot.config.settings import key_names_of, key_variables
from imgbot.config.sources import CREDENTIALS, provider_files_of
from imgbot.files import replace_file
from imgbot.providers.factory import files_of

_FILE, _FOLDER = "imgbot.env", "credentials"


def settings_to_keep(
    environ: Mapping[str, str], folder: Path, own_keys: Iterable[str], *, has_secrets: bool
) -> list[tuple[str, Path]]:
    """Return what a backup copies, as (name in the backup, file).

    Without secrets, lines of the environment file that set one are left out, in a copy that is
    made in `folder`; `own_keys` are the variables that own providers' files name as their keys.
    """
    left_out = None if has_secrets else _secret_line(own_keys)
    found: list[tuple[str, Path]] = []
    file = environ.get("IMGBOT_ENVIRONMENT_FILE", "")
    if file and Path(file).is_file():
        found.append((f"settings/{_FILE}", _copy(Path(file), folder, left_out)))
    credentials = environ.get("CREDENTIALS_DIRECTORY", "")
    if has_secrets and credentials and Path(credentials).is_dir():
        found += [
            # What a link leads to: a backup itself follows none.
            (f"settings/{_FOLDER}/{path.name}", Path(os.path.realpath(path)))
            for path in sorted(Path(credentials).iterdir())
        ]
    return found


def put_settings(environ: Mapping[str, str], folder: Path, own_keys: Iterable[str]) -> list[str]:
    """Restore settings where there are none; return a sentence for each file.

    What is there already stays: the new server may have another address, or another provider.
    """
    said: list[str] = []
    file = environ.get("IMGBOT_ENVIRONMENT_FILE", "")
    if file and (folder / _FILE).is_file():
        said.append(_put_environment_file(folder / _FILE, Path(file), _secret_line(own_keys)))
    credentials = environ.get("CREDENTIALS_DIRECTORY", "")
    if credentials and (folder / _FOLDER).is_dir():
        said += [
            put_file(path, Path(credentials, path.name), 0o600, folder_mode=0o700)
            for path in sorted((folder / _FOLDER).iterdir())
        ]
    return said


def _put_environment_file(source: Path, target: Path, secret: re.Pattern[str]) -> str:
    if any(map(secret.match, _lines(source))):
        return put_file(source, target, 0o600)

    def is_same(one: Path, other: Path) -> bool:
        # A backup without secrets has left their lines out: the file here may well have them.
        return others(one) == others(other)

    def others(file: Path) -> list[str]:
        return [line for line in _lines(file) if not secret.match(line)]

    return put_file(source, target, 0o644, is_same=is_same)


def _is_same(one: Path, other: Path) -> bool:
    return filecmp.cmp(one, other, shallow=False)


def put_file(
    source: Path,
    target: Path,
    mode: int,
    *,
    folder_mode: int = 0o755,
    is_same: Callable[[Path, Path], bool] = _is_same,
) -> str:
    """Restore a file where there is none; return a sentence with the outcome."""
    try:
        if target.exists():
            differs = "" if is_same(source, target) else ": the one in the backup differs"
            return f"{target} was kept{differs}"
        _make(target.parent, folder_mode)
        replace_file(target, source.read_bytes(), mode)
    except OSError as error:
        return f"{target} was not restored: {error.strerror or error}"
    return f"{target} was restored"


def _make(folder: Path, mode: int) -> None:
    if not folder.exists():
        _make(folder.parent, 0o755)
        folder.mkdir()
        # Whatever the umask says: the service must find its settings.
        folder.chmod(mode)


def _secret_line(own_keys: Iterable[str]) -> re.Pattern[str]:
    names = "|".join(sorted({*CREDENTIALS, *key_variables(), *own_keys}))
    return re.compile(rf"^\s*(export\s+)?({names})\s*=")


def _lines(file: Path) -> list[str]:
    # One that is no text is put back as it is: whoever reads it says so.
    return file.read_text(encoding="utf-8", errors="surrogateescape").splitlines()


def _copy(file: Path, folder: Path, left_out: re.Pattern[str] | None) -> Path:
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if left_out is None or not left_out.match(line)]
    copy = folder / _FILE
    copy.touch(mode=0o600)
    copy.write_text("".join(kept), encoding="utf-8")
    return copy


_PROVIDERS = "settings/providers"

Kept = dict[str, list[str]]
"""Path of a provider's file, as the settings name it → the names of its files in its folder."""


def files_to_keep(providers: tuple[str, ...]) -> Kept:
    """Find the files of those providers that are the operator's own."""
    return {
        name: [file for file in files_of(Path(name)) if _is_beside(file)]
        for name in providers
        if name.endswith(".toml")
    }


def members(kept: Kept) -> Iterator[tuple[str, Path]]:
    """Return what a backup copies, as (name in the backup, file)."""
    for number, (path, files) in enumerate(kept.items()):
        for at, file in enumerate(files):
            # What a link leads to: a backup follows none, and a provider's file may well be one.
            yield f"{_PROVIDERS}/{number}/{at}", Path(os.path.realpath(Path(path).parent / file))


def keys_of(kept: Kept, folder: Path | None = None) -> frozenset[str]:
    """Return the variables that these files name as their keys; `folder` has a backup's."""
    places = (
        Path(path) if folder is None else folder / _PROVIDERS / str(number) / "0"
        for number, path in enumerate(kept)
    )
    found = [key_names_of(str(place)) for place in places if place.is_file()]
    return frozenset({name for names in found for name in (names.key, names.hook_key) if name})


def kept_by(about: Mapping[str, Any]) -> Kept:
    """Return the provider files that a backup lists, without unsafe names."""
    said = about.get("provider_files")
    pairs = said.items() if isinstance(said, dict) else ()
    # One that is not to be believed keeps its number.
    return {path: files if _is_usable(path, files) else [] for path, files in pairs}


def _is_usable(path: str, files: Any) -> bool:
    if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
        return False
    return files[:1] == [PurePosixPath(path).name] and all(_is_beside(file) for file in files)


def put(environ: Mapping[str, str], kept: Kept, folder: Path) -> list[str]:
    """Restore provider files that the settings here name, where there are none.

    Returns, in sentences, what was done. Raises ConfigError.
    """
    named, said = provider_files_of(environ), list[str]()
    for number, (path, files) in enumerate(kept.items()):
        if path not in named:
            said.append(f"{path} was not restored: no setting here names it")
            continue
        for at, file in enumerate(files):
            source = folder / _PROVIDERS / str(number) / str(at)
            said.append(put_file(source, Path(path).parent / file, 0o644))
    return said


def _is_beside(file: str) -> bool:
    """True if a name stays inside its folder and is that of a provider file or a workflow."""
    path = PurePosixPath(file)
    is_inside = not path.is_absolute() and ".." not in path.parts
    return is_inside and path.suffix in {".toml", ".json"}
