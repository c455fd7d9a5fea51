"""The settings inside a backup: the environment file, and the secrets only where that is wanted."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from imgbot.ops.provider_settings import KEYS

_SECRET_LINE = re.compile(
    rf"^\s*(export\s+)?({'|'.join(sorted({'IMGBOT_TOKEN', 'IMGBOT_REDIS_URL', *KEYS}))})\s*="
)
_FILE, _FOLDER = "imgbot.env", "credentials"


def settings_to_keep(
    environ: Mapping[str, str], folder: Path, *, has_secrets: bool
) -> list[tuple[str, Path]]:
    """Give what a backup copies, as (name in the backup, file).

    Without secrets, lines of the environment file that set one are left out, in a copy that is
    made in `folder`.
    """
    found: list[tuple[str, Path]] = []
    file = environ.get("IMGBOT_ENVIRONMENT_FILE", "")
    if file and Path(file).is_file():
        found.append((f"settings/{_FILE}", _copy(Path(file), folder, has_secrets=has_secrets)))
    credentials = environ.get("CREDENTIALS_DIRECTORY", "")
    if has_secrets and credentials and Path(credentials).is_dir():
        found += [
            (f"settings/{_FOLDER}/{path.name}", path)
            for path in sorted(Path(credentials).iterdir())
        ]
    return found


def put_settings(environ: Mapping[str, str], folder: Path) -> list[str]:
    """Put settings where there are none; return, in sentences, which those are.

    What is there already stays: the new server may have another address, or another provider.
    """
    said: list[str] = []
    file = environ.get("IMGBOT_ENVIRONMENT_FILE", "")
    if file and (folder / _FILE).is_file():
        _make(Path(file).parent, 0o755)
        has_secret = any(map(_SECRET_LINE.match, (folder / _FILE).read_text().splitlines()))
        said.append(_put(folder / _FILE, Path(file), 0o600 if has_secret else 0o644))
    credentials = environ.get("CREDENTIALS_DIRECTORY", "")
    if credentials and (folder / _FOLDER).is_dir():
        _make(Path(credentials).parent, 0o755)
        _make(Path(credentials), 0o700)
        said += [
            _put(path, Path(credentials, path.name), 0o600)
            for path in sorted((folder / _FOLDER).iterdir())
        ]
    return said


def _make(folder: Path, mode: int) -> None:
    if not folder.exists():
        folder.mkdir(parents=True)
        # Whatever the umask says: the service must find its settings.
        folder.chmod(mode)


def _put(source: Path, target: Path, mode: int) -> str:
    if target.exists():
        return f"{target} is kept as it was"
    shutil.copyfile(source, target)
    target.chmod(mode)
    return f"{target} is as it was at the old place"


def _copy(file: Path, folder: Path, *, has_secrets: bool) -> Path:
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if has_secrets or not _SECRET_LINE.match(line)]
    copy = folder / _FILE
    copy.touch(mode=0o600)
    copy.write_text("".join(kept), encoding="utf-8")
    return copy
