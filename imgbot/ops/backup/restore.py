"""`imgbot restore`: such a file put back, where no bot has served yet or all is to be replaced."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from io import BufferedReader
from pathlib import Path

from imgbot.config.place import service_place
from imgbot.config.settings import Settings
from imgbot.config.sources import NO_PROVIDERS, NO_TOKEN, SettingsSource
from imgbot.domain.errors import ConfigError
from imgbot.files import anchored, as_owner, open_plain
from imgbot.ops import state_directory
from imgbot.ops.backup import archive
from imgbot.ops.backup.archive import REDIS, BackupError, Manifest
from imgbot.ops.backup.redis_access import open_redis
from imgbot.ops.backup.settings import provider_keys, put_providers, put_settings
from imgbot.ops.installation import environ_of_service, umask
from imgbot.ops.resource_usage import LEAST_FREE_BYTES
from imgbot.ops.service import has_systemd
from imgbot.ops.state_directory import instance_lock
from imgbot.storage import keys, snapshot
from imgbot.storage.client import Client
from imgbot.storage.snapshot import Record

_AMISS = (ConfigError, OSError, ValueError, RecursionError, MemoryError)
"""Errors that settings and provider files of a backup can cause."""


async def restore(
    file: str, *, is_forced: bool, environ: Mapping[str, str] = os.environ
) -> list[str]:
    """Put a backup back; return, in sentences, what is there now.

    Raises ConfigError, BackupError, AlreadyRunningError, StorageUnavailableError.
    """
    # On a fresh server root restores before the installation: later a bot serves already.
    environ = environ_of_service(environ, is_to_come=os.geteuid() == 0 and has_systemd())
    settings, token = _places(environ)
    state_dir = settings.state_dir
    with (
        umask(0o077),
        instance_lock(state_dir, token),
        archive.opened(Path(file)) as packed,
        anchored(state_dir) as here,
        _room(state_dir, here, is_forced=is_forced) as (folder, was_begun),
    ):
        room_bytes = shutil.disk_usage(here).free - LEAST_FREE_BYTES
        with as_owner(here):
            manifest = await asyncio.to_thread(archive.read_backup, packed, folder, room_bytes)
            lines = open_plain(folder / REDIS)
        _check_bot(manifest, token)
        async with open_redis(settings, state_dir, is_ours=True) as redis:
            with lines:
                if not is_forced and await snapshot.has_served(redis):
                    raise BackupError(
                        f"a bot has already run with {state_dir}; nothing was changed. "
                        "To replace its data, which is lost then: imgbot restore FILE --force"
                    )
                is_known = await snapshot.knows(redis, _read(lines))
                is_certain = manifest.about.get("is_stopped") is True and (
                    was_begun or not is_known
                )
                records = partial(_records, lines, manifest, state_dir, is_certain=is_certain)
                _check_records(records)
                # From here on what was there is gone.
                with as_owner(here):
                    (folder / state_directory.BEGUN).touch()
                await _load(redis, records())
        with as_owner(here):
            await asyncio.to_thread(state_directory.replace_state, folder / "state", here)
        done = _put_settings(environ, manifest)
        with as_owner(here):
            shutil.rmtree(folder)
            (here / state_directory.MOVED).unlink(missing_ok=True)
    start = f"sudo systemctl enable --now {service_place(environ).unit}"
    return [
        *_report(manifest, state_dir, is_certain=is_certain),
        *done,
        f"start it: {start}, or where it is not installed yet: sudo ./imgbot install",
    ]


def check_restorable(source: BufferedReader, folder: Path, settings: Settings) -> Manifest:
    """Read a backup of this bot as a restore does, into an empty folder, and put nothing back.

    Raises ConfigError, BackupError.
    """
    room_bytes = shutil.disk_usage(folder).free - LEAST_FREE_BYTES
    manifest = archive.read_backup(source, folder, room_bytes)
    _check_bot(manifest, settings.token.get_secret_value())
    with open_plain(folder / REDIS) as lines:
        _check_records(partial(_records, lines, manifest, settings.state_dir, is_certain=False))
    return manifest


def _report(manifest: Manifest, state_dir: Path, *, is_certain: bool) -> list[str]:
    """Summarise a restored backup in sentences.

    `is_certain` says that nobody has served these jobs since the backup.
    """
    lines = [f"{state_dir}: {manifest.summary}"]
    if not is_certain:
        lines.append(
            "the bot was not stopped for this backup, or has served since: stop it for good. Jobs "
            "that were waiting are looked up at their provider first, and stop where it cannot "
            "tell; messages and albums that were waiting then are not answered here"
        )
    if not manifest.about.get("has_secrets"):
        lines.append(
            "the token and the keys are not in the backup: `sudo ./imgbot install` asks for "
            "those that are missing here"
        )
    return lines


@contextmanager
def _room(state_dir: Path, here: Path, *, is_forced: bool) -> Generator[tuple[Path, bool]]:
    """Create the folder for unpacking; yield it, and whether an earlier restore was interrupted.

    What fails before anything is replaced leaves no folder behind.
    """
    folder = here / state_directory.UNFINISHED
    begun = folder / state_directory.BEGUN
    with as_owner(here):
        if (was_begun := begun.exists()) and not is_forced:
            state_directory.check_usable(state_dir)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        if was_begun:
            begun.touch()
    try:
        yield folder, was_begun
    except BaseException:
        with as_owner(here):
            if not begun.exists():
                shutil.rmtree(folder, ignore_errors=True)
        raise


def _places(environ: Mapping[str, str]) -> tuple[Settings, str]:
    """Return the settings, and the token, empty where there is none yet."""
    try:
        settings = SettingsSource(environ, NO_PROVIDERS).read()
    except ConfigError as error:
        if error.setting != "IMGBOT_TOKEN":
            raise
        return SettingsSource(environ, NO_TOKEN).read(), ""
    return settings, settings.token.get_secret_value()


def _check_bot(manifest: Manifest, token: str) -> None:
    own_id, bot_id = token.partition(":")[0], str(manifest.about.get("bot_id", ""))
    if own_id not in {"", bot_id}:
        raise ConfigError(
            "IMGBOT_TOKEN",
            f"belongs to bot {own_id}, but the backup is of bot {bot_id}; "
            "use the token of that bot",
        )


async def _load(redis: Client, records: Iterator[Record]) -> None:
    epoch = await snapshot.epoch(redis)
    await snapshot.delete_all(redis)
    await snapshot.put(redis, records)
    # A bot that still writes to this Redis is fenced off, and the bot at the old place by its file.
    await snapshot.set_epoch(redis, max(epoch, await snapshot.epoch(redis)) + 1)


def _put_settings(environ: Mapping[str, str], manifest: Manifest) -> list[str]:
    """Restore settings and own providers' files; failures are reported, not raised."""
    done: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, content in manifest.settings.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        settings = Path(folder, "settings")
        try:
            keys = provider_keys(settings.glob("providers/*/0"))
            done += put_settings(environ, settings, keys)
            done += put_providers(environ, manifest.about, Path(folder))
        except _AMISS as error:
            done.append(f"the other settings were not restored: {error}")
    return done


def _records(
    lines: BufferedReader, manifest: Manifest, state_dir: Path, *, is_certain: bool
) -> Iterator[Record]:
    """Yield the records to restore; `is_certain` says that nobody has served these jobs since."""
    old = str(manifest.about.get("state_dir", ""))
    records = snapshot.rewrite_paths(_read(lines), old, str(state_dir))
    if is_certain:
        return records

    def has_file(path: str) -> bool:
        return f"state/{path.removeprefix(f'{state_dir}/')}" in manifest.files

    taken_ms = int(manifest.about.get("taken_ms", 0))
    installation = next((r.value for r in _read(lines) if r.key == keys.INSTALLATION), "")
    return snapshot.mark_uncertain(records, taken_ms, has_file, str(installation))


def _check_records(records: Callable[[], Iterator[Record]]) -> None:
    """Build all records once, so that damage is found before anything is replaced."""
    try:
        for _ in records():
            pass
    except (ValueError, TypeError, RecursionError) as error:
        raise BackupError("the backup is damaged: a job in it cannot be read") from error


def _read(lines: BufferedReader) -> Iterator[Record]:
    lines.seek(0)
    for line in lines:
        try:
            yield snapshot.load(line.decode())
        except (ValueError, RecursionError) as error:
            raise BackupError(f"the backup is damaged: {error}") from error
