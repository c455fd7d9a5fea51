"""The files of an operator's own providers, and the workflows beside them, in a backup."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from imgbot.config.provider_settings import key_names_of
from imgbot.config.sources import provider_files_of
from imgbot.ops.backup.settings import put_file
from imgbot.providers.factory import files_of

_FOLDER = "settings/providers"

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
    """Give what a backup copies, as (name in the backup, file)."""
    for number, (path, files) in enumerate(kept.items()):
        for at, file in enumerate(files):
            # What a link leads to: a backup follows none, and a provider's file may well be one.
            yield f"{_FOLDER}/{number}/{at}", Path(os.path.realpath(Path(path).parent / file))


def keys_of(kept: Kept, folder: Path | None = None) -> frozenset[str]:
    """Return the variables that these files name as their keys; `folder` has a backup's."""
    places = (
        Path(path) if folder is None else folder / _FOLDER / str(number) / "0"
        for number, path in enumerate(kept)
    )
    found = [key_names_of(str(place)) for place in places if place.is_file()]
    return frozenset({name for names in found for name in (names.key, names.hook_key) if name})


def kept_by(about: Mapping[str, Any]) -> Kept:
    """Return what a backup says that it has, as far as it may be believed."""
    said = about.get("provider_files")
    pairs = said.items() if isinstance(said, dict) else ()
    # One that is not to be believed keeps its number.
    return {path: files if _is_usable(path, files) else [] for path, files in pairs}


def _is_usable(path: str, files: Any) -> bool:
    if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
        return False
    return files[:1] == [PurePosixPath(path).name] and all(_is_beside(file) for file in files)


def put(environ: Mapping[str, str], kept: Kept, folder: Path) -> list[str]:
    """Put files of a backup to where the settings here name them, and where there are none.

    Returns, in sentences, what was done. Raises ConfigError.
    """
    named, said = provider_files_of(environ), list[str]()
    for number, (path, files) in enumerate(kept.items()):
        if path not in named:
            said.append(f"{path} is not put back: no setting here names it")
            continue
        for at, file in enumerate(files):
            source = folder / _FOLDER / str(number) / str(at)
            said.append(put_file(source, Path(path).parent / file, 0o644))
    return said


def _is_beside(file: str) -> bool:
    """True if a name stays inside its folder and is that of a provider file or a workflow."""
    path = PurePosixPath(file)
    is_inside = not path.is_absolute() and ".." not in path.parts
    return is_inside and path.suffix in {".toml", ".json"}
