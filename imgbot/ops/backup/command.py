"""`imgbot backup`: one file with everything, of a bot that runs or is stopped for it.

It is complete before it is sent anywhere: what receives it never has half of one.
"""

import asyncio
import functools
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from io import BufferedReader
from pathlib import Path

from imgbot.config.place import service_place
from imgbot.config.settings import Settings
from imgbot.config.sources import SettingsSource
from imgbot.domain.errors import ImgbotError
from imgbot.files import anchored, as_owner, open_plain
from imgbot.ops import state_directory
from imgbot.ops.backup import archive
from imgbot.ops.backup.archive import REDIS, BackupError, Manifest
from imgbot.ops.backup.offsite import check_destination, send
from imgbot.ops.backup.redis_access import open_redis
from imgbot.ops.backup.settings import (
    provider_files,
    provider_keys,
    provider_members,
    settings_to_keep,
)
from imgbot.ops.installation import environ_of_service
from imgbot.ops.service import stop_service
from imgbot.ops.state_directory import instance_lock
from imgbot.storage import keys, snapshot
from imgbot.storage.client import Client
from imgbot.version import version


async def backup(
    file: str | None = None,
    *,
    is_stopping: bool = False,
    has_secrets: bool = False,
    has_pictures: bool = True,
    environ: Mapping[str, str] = os.environ,
) -> list[str]:
    """Make a backup; return, in sentences, what is in it.

    `-` is stdout; without a file, the backup is sent to the operator's command. `is_stopping`
    stops the bot first and keeps it from starting here again: for a move. Without `has_pictures`,
    finished pictures are left out; those that jobs need are not. Raises ConfigError, BackupError,
    ServiceError, StorageUnavailableError.
    """
    environ = environ_of_service(environ)
    settings = SettingsSource(environ).read()
    write = functools.partial(
        _write,
        settings,
        environ,
        is_stopping=is_stopping,
        has_secrets=has_secrets,
        has_pictures=has_pictures,
    )
    if file not in {None, "-"}:
        return await write(Path(str(file)))
    if is_stopping:
        raise BackupError("a move needs a file: imgbot backup --stop FILE")
    # Not in /tmp, which is memory on many servers.
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:  # noqa: S108
        target = Path(folder, "imgbot.tar.gz")
        if file is None:
            check_destination(settings)
            _, of_secrets, _ = await write(target)
            return [*await send(target, settings), of_secrets]
        report = await write(target)
        await asyncio.to_thread(_print, target)
    sys.stderr.writelines(f"{line}\n" for line in report)
    return []


def _print(packed: Path) -> None:
    with packed.open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)


async def _write(
    settings: Settings,
    environ: Mapping[str, str],
    target: Path,
    *,
    is_stopping: bool,
    has_secrets: bool,
    has_pictures: bool,
) -> list[str]:
    if is_stopping and settings.is_clustered:
        raise BackupError(
            "nothing was stopped: the other bot of this cluster would go on with the jobs. First, "
            "on its server, then on this one: sudo imgbot cluster leave"
        )
    state_dir = settings.state_dir
    # Where nothing can be written, nothing is stopped.
    with _scratch(target, state_dir) as folder:
        async with _held(settings, is_stopping=is_stopping):
            taken_ms = time.time_ns() // 1_000_000
            async with open_redis(settings, state_dir, is_ours=is_stopping) as redis:
                counts = await _dump(redis, folder / REDIS)
            own = provider_files(settings.providers)
            about = {
                "version": version(),
                "taken_ms": taken_ms,
                "bot_id": settings.token.get_secret_value().partition(":")[0],
                "state_dir": str(state_dir),
                "is_stopped": is_stopping,
                "has_secrets": has_secrets,
                "counts": counts,
                "provider_files": own,
            }
            own_keys = provider_keys(map(Path, own))
            kept = settings_to_keep(environ, folder, own_keys, has_secrets=has_secrets)
            with anchored(state_dir) as here:
                with as_owner(here):
                    files = [
                        (name, path)
                        for name, path in state_directory.members(here)
                        if has_pictures or not name.startswith("state/pictures/")
                    ]
                members = [(REDIS, folder / REDIS), *kept, *provider_members(own), *files]
                open_member = functools.partial(_open_member, here)
                manifest = await asyncio.to_thread(
                    archive.write_backup, target, members, about, open_member
                )
                if is_stopping:
                    with as_owner(here):
                        state_directory.mark_moved(here, target.name)
    return _report(manifest, target)


def _open_member(here: Path, path: Path) -> BufferedReader:
    """Open a file of the settings, or as its owner one of the state directory."""
    if not path.is_relative_to(here):
        return open_plain(path)
    with as_owner(here):
        return open_plain(path)


def _report(manifest: Manifest, target: Path) -> list[str]:
    """Summarise a backup in sentences."""
    size_mb, about = target.stat().st_size / 1_000_000, manifest.about
    return [
        f"{target}: {manifest.summary}, {size_mb:.1f} MB, readable by its owner only",
        "it contains the token and the keys: anyone who can read it controls the bot"
        if about["has_secrets"]
        else "it does not contain the token and the keys (--with-secrets)",
        "the bot is stopped and will not start here again; restore the file elsewhere"
        if about["is_stopped"]
        else "what happens from now on is not in it: to move the bot, make the last backup with "
        "--stop",
    ]


@asynccontextmanager
async def _held(settings: Settings, *, is_stopping: bool) -> AsyncGenerator[None]:
    """For a move, stop the bot and keep it from starting until it is marked as moved.

    A bot that was restarted meanwhile (by systemd or a person) would submit the jobs in the
    backup.
    """
    if not is_stopping:
        yield
        return
    token = settings.token.get_secret_value()
    await asyncio.to_thread(stop_service, settings.state_dir, token)
    with instance_lock(settings.state_dir, token):
        try:
            yield
        except (ImgbotError, OSError) as error:
            raise BackupError(
                f"{error}; the bot is stopped: start it again if it should continue here "
                f"(as a service: sudo systemctl enable --now {service_place().unit})"
            ) from error


@contextmanager
def _scratch(target: Path, state_dir: Path) -> Iterator[Path]:
    """Create a temporary folder beside the target, on the file system that has room for it."""
    if target.resolve().is_relative_to(state_dir.resolve()):
        raise BackupError(f"write it to a file outside of {state_dir}, which it copies")
    try:
        if target.exists() and not target.is_file():
            # A device would be replaced by the backup.
            raise BackupError(f"{target} is not a file: name one, which is replaced if it exists")
        place = target.absolute().parent
        with tempfile.TemporaryDirectory(prefix=".", suffix=".part", dir=place) as folder:
            yield Path(folder)
    except OSError as error:
        raise BackupError(f"{target} cannot be written: {error.strerror}") from error


async def _dump(redis: Client, target: Path) -> dict[str, int]:
    counts = {"keys": 0, "jobs": 0, "pictures": 0}
    with target.open("w", encoding="utf-8") as out:
        async for record in snapshot.take(redis):
            out.write(record.dump() + "\n")
            counts["keys"] += 1
            counts["jobs"] += record.key.startswith(keys.JOB)
            counts["pictures"] += record.key.startswith(keys.RESULT)
    return counts
