"""`imgbot backup` and `imgbot restore`: everything that must outlive the server, in one file."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis

from imgbot import __version__
from imgbot.errors import ConfigError, ImgbotError
from imgbot.ops import archive, backup_report, state
from imgbot.ops.archive import BackupError, Manifest
from imgbot.ops.disk import LEAST_FREE_BYTES
from imgbot.ops.doctor.place import environ_of_service
from imgbot.ops.environment import SettingsSource
from imgbot.ops.install.service import has_systemd
from imgbot.ops.kept_settings import put_settings, settings_to_keep
from imgbot.ops.lock import AlreadyRunningError, InstanceLock
from imgbot.ops.settings import Settings
from imgbot.ops.stopping import stop
from imgbot.queue import keys, relocation, snapshot
from imgbot.queue.durability import verify
from imgbot.queue.scripts import connect
from imgbot.queue.server import RedisServer, socket_of
from imgbot.queue.snapshot import Record

_REDIS = "redis.jsonl"
_ANSWER_S = 20.0
_NO_TOKEN = "1000000:" + "0" * 35
"""Stands in where a new server has none yet: the settings are read for their places alone."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How a backup is made."""

    target: Path
    is_stopping: bool = False
    """Stop the bot first and keep it from starting here again: for a move."""
    has_secrets: bool = False
    has_pictures: bool = True
    """Whether finished pictures are in it, beside what jobs need."""


async def backup(environ: Mapping[str, str], wish: Wish) -> list[str]:
    """Make a backup; return, in sentences, what is in it.

    Raises ConfigError, BackupError, NotStoppedError, StorageAwayError.
    """
    environ = environ_of_service(environ)
    settings = SettingsSource(environ).read()
    state_dir = settings.state_dir
    # Where nothing can be written, nothing is stopped.
    with _scratch(wish.target) as folder:
        async with _held(settings, wish):
            taken_ms = time.time_ns() // 1_000_000
            lines = folder / _REDIS
            async with _open(settings, state_dir, is_ours=wish.is_stopping) as redis:
                counts = await _dump(redis, lines)
            about = {
                "version": __version__,
                "taken_ms": taken_ms,
                "bot_id": settings.token.get_secret_value().partition(":")[0],
                "state_dir": str(state_dir),
                "is_stopped": wish.is_stopping,
                "counts": counts,
            }
            kept = settings_to_keep(environ, folder, has_secrets=wish.has_secrets)
            members = [(_REDIS, lines), *kept, *_files(state_dir, wish)]
            manifest = await asyncio.to_thread(archive.write, wish.target, members, about)
            if wish.is_stopping:
                state.leave(state_dir, wish.target.name)
    return backup_report.made(
        manifest, wish.target, is_stopped=wish.is_stopping, has_secrets=wish.has_secrets
    )


async def restore(environ: Mapping[str, str], source: Path, *, is_forced: bool) -> list[str]:
    """Put a backup back; return, in sentences, what is there now.

    Raises ConfigError, BackupError, AlreadyRunningError, StorageAwayError.
    """
    os.umask(0o077)
    # On a fresh server root restores before he installs: a bot that serves already is too late.
    environ = environ_of_service(environ, is_to_come=os.geteuid() == 0 and has_systemd())
    settings = _places(environ)
    state_dir = settings.state_dir
    with InstanceLock(state_dir, _known_token(settings)):
        folder = state_dir / state.UNFINISHED
        begun = folder / state.BEGUN
        was_begun = _make_room(folder, begun, is_forced=is_forced)
        try:
            manifest = await asyncio.to_thread(_unpack, source, folder)
            _check_bot(manifest, settings)
            async with _open(settings, state_dir, is_ours=True) as redis:
                if not is_forced:
                    await _check_empty(redis, state_dir)
                # Every line is read before anything is replaced.
                is_known = await snapshot.knows(redis, _read(folder / _REDIS))
                is_certain = manifest.about.get("is_stopped") is True and (
                    was_begun or not is_known
                )
                # From here on what was there is gone.
                begun.touch()
                records = _records(folder, manifest, state_dir, is_certain=is_certain)
                await _load(redis, records)
            await asyncio.to_thread(state.put, folder / "state", state_dir)
        except BaseException:
            if not begun.exists():
                shutil.rmtree(folder, ignore_errors=True)
            raise
        said = put_settings(environ, folder / "settings")
        shutil.rmtree(folder)
        (state_dir / state.MOVED).unlink(missing_ok=True)
        await asyncio.to_thread(state.hand_over, state_dir)
    return [*backup_report.restored(manifest, state_dir, is_certain=is_certain), *said]


def _make_room(folder: Path, begun: Path, *, is_forced: bool) -> bool:
    """Make the folder anew; return whether a restore was cut off here, which stays noted."""
    if (was_begun := begun.exists()) and not is_forced:
        state.check(folder.parent)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    if was_begun:
        begun.touch()
    return was_begun


@asynccontextmanager
async def _held(settings: Settings, wish: Wish) -> AsyncGenerator[None]:
    """For a move, stop the bot and keep it from starting until its place is left for good.

    One that came back meanwhile (systemd tries again, so may a person) would order what is in
    the backup.
    """
    if not wish.is_stopping:
        yield
        return
    token = settings.token.get_secret_value()
    await asyncio.to_thread(stop, settings.state_dir, token)
    with InstanceLock(settings.state_dir, token):
        try:
            yield
        except (ImgbotError, OSError) as error:
            raise BackupError(
                f"{error}; the bot is stopped: start it again if it shall go on here "
                "(as a service: sudo systemctl enable --now imgbot)"
            ) from error


@asynccontextmanager
async def _open(
    settings: Settings, state_dir: Path, *, is_ours: bool = False
) -> AsyncGenerator[Redis]:
    """Reach Redis: one's own, the embedded one of a bot that runs, else one started for this.

    `is_ours` says that the state directory is locked already: no bot can run.
    """
    if settings.redis_url is not None:
        redis = connect(settings.redis_url.get_secret_value())
        try:
            await verify(
                redis, accept_volatile=settings.accept_volatile_redis, deadline_s=_ANSWER_S
            )
            yield redis
        finally:
            await redis.aclose()
        return
    lock = InstanceLock(state_dir, "")
    try:
        if not is_ours:
            lock.acquire()
    except AlreadyRunningError:
        async with _client(f"unix://{socket_of(state_dir)}") as redis:
            yield redis
        return
    try:
        async with RedisServer(state_dir, port=0) as server, _client(server.url) as redis:
            yield redis
    finally:
        state.hand_over(state_dir)
        lock.release()


@asynccontextmanager
async def _client(url: str) -> AsyncGenerator[Redis]:
    redis = connect(url)
    try:
        yield redis
    finally:
        await redis.aclose()


@contextmanager
def _scratch(target: Path) -> Iterator[Path]:
    """Make a folder beside the file to be written, for there is room; it goes with the block."""
    try:
        with tempfile.TemporaryDirectory(dir=target.absolute().parent) as folder:
            yield Path(folder)
    except OSError as error:
        raise BackupError(f"{target} cannot be written: {error.strerror}") from error


async def _dump(redis: Redis, target: Path) -> dict[str, int]:
    counts = {"keys": 0, "jobs": 0, "pictures": 0}
    with target.open("w", encoding="utf-8") as out:
        async for record in snapshot.take(redis):
            out.write(record.dump() + "\n")
            counts["keys"] += 1
            counts["jobs"] += record.key.startswith(keys.JOB)
            counts["pictures"] += record.key.startswith(keys.RESULT)
    return counts


def _files(state_dir: Path, wish: Wish) -> Iterator[tuple[str, Path]]:
    for name, path in state.members(state_dir):
        if wish.has_pictures or not name.startswith("state/pictures/"):
            yield name, path


def _places(environ: Mapping[str, str]) -> Settings:
    try:
        return SettingsSource(environ).read()
    except ConfigError as error:
        if error.setting != "IMGBOT_TOKEN":
            raise
        return SettingsSource(environ, {"IMGBOT_TOKEN": _NO_TOKEN}).read()


def _known_token(settings: Settings) -> str:
    token = settings.token.get_secret_value()
    return "" if token == _NO_TOKEN else token


def _unpack(source: Path, folder: Path) -> Manifest:
    room_bytes = shutil.disk_usage(folder).free - LEAST_FREE_BYTES
    return archive.read(source, folder, room_bytes)


def _check_bot(manifest: Manifest, settings: Settings) -> None:
    token, bot_id = _known_token(settings), str(manifest.about.get("bot_id", ""))
    if token and token.partition(":")[0] != bot_id:
        raise ConfigError(
            "IMGBOT_TOKEN",
            f"is of the bot {token.partition(':')[0]}, and the backup is of {bot_id}; "
            "use the token of that bot",
        )


async def _check_empty(redis: Redis, state_dir: Path) -> None:
    if await snapshot.has_served(redis):
        raise BackupError(
            f"a bot has served from {state_dir} already: nothing was changed; "
            "to replace what is there: imgbot restore FILE --force"
        )


async def _load(redis: Redis, records: Iterator[Record]) -> None:
    epoch = await snapshot.epoch(redis)
    await snapshot.forget(redis)
    await snapshot.put(redis, records)
    # Whoever still writes to this Redis is fenced off, and the bot at the old place by its file.
    await snapshot.set_epoch(redis, max(epoch, await snapshot.epoch(redis)) + 1)


def _records(
    folder: Path, manifest: Manifest, state_dir: Path, *, is_certain: bool
) -> Iterator[Record]:
    """Give what is put back; `is_certain` says that nobody has served these jobs since."""
    old = str(manifest.about.get("state_dir", ""))
    records = relocation.moved(_read(folder / _REDIS), old, str(state_dir))
    if is_certain:
        return records

    def has_file(path: str) -> bool:
        return f"state/{path.removeprefix(f'{state_dir}/')}" in manifest.files

    return relocation.doubted(records, int(manifest.about.get("taken_ms", 0)), has_file)


def _read(path: Path) -> Iterator[Record]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            try:
                yield snapshot.load(line)
            except ValueError as error:
                raise BackupError(f"the backup is damaged: {error}") from error
