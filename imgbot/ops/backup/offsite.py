"""Backups elsewhere: sent by a command of the operator, and read back by another now and then."""

import asyncio
import io
import subprocess
import tempfile
import time
from pathlib import Path
from typing import cast

from imgbot.config.settings import Settings
from imgbot.domain.errors import ConfigError, ImgbotError
from imgbot.ops.backup.archive import BackupError
from imgbot.ops.backup.redis_access import open_redis
from imgbot.ops.backup.restore import check_restorable
from imgbot.storage.backups import READ, SENT, BackupTimes
from imgbot.telemetry.thresholds import THRESHOLDS

_REHEARSE_EVERY_S = 6.5 * 86_400
"""A week: the timer is not punctual."""


def check_destination(settings: Settings) -> None:
    if not settings.backup_to:
        raise ConfigError(
            "IMGBOT_BACKUP_TO", "is unset: name a file (imgbot backup FILE), or set the command"
        )


async def send(packed: Path, settings: Settings) -> list[str]:
    """Send a backup away, and read it back if that is due; return what was done, in sentences.

    Raises BackupError.
    """
    await asyncio.to_thread(_run, settings.backup_to, packed)
    now_ms = time.time_ns() // 1_000_000
    async with open_redis(settings, settings.state_dir) as redis:
        times = BackupTimes(redis)
        await times.note(SENT, now_ms)
        read_s = (await times.ages_s(now_ms)).get(READ, _REHEARSE_EVERY_S)
    done = ["the backup was sent to the command of IMGBOT_BACKUP_TO"]
    if not settings.backup_from or read_s < _REHEARSE_EVERY_S:
        return done
    read_ms = 0
    try:
        summary = await asyncio.to_thread(_read_back, settings, packed.parent)
        read_ms = now_ms
    finally:
        async with open_redis(settings, settings.state_dir) as redis:
            await BackupTimes(redis).note(READ, read_ms)
    return [*done, f"what IMGBOT_BACKUP_FROM fetches was read back: {summary}"]


def _run(command: str, packed: Path) -> None:
    with packed.open("rb") as file:
        words = ("/bin/sh", "-c", command)
        status = subprocess.run(words, stdin=file, check=False).returncode  # noqa: S603 -- the operator's
    if status:
        raise BackupError(f"nothing was sent: IMGBOT_BACKUP_TO ended with status {status}")


def _read_back(settings: Settings, folder: Path) -> str:
    """Read the backup that the operator's command writes; return what is in it."""
    words = ("/bin/sh", "-c", settings.backup_from)
    with (
        tempfile.TemporaryDirectory(dir=folder) as room,
        subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process,  # noqa: S603
    ):
        try:
            fetched = cast("io.BufferedReader", process.stdout)
            manifest = check_restorable(fetched, Path(room), settings)
        except ImgbotError as error:
            raise BackupError(f"what IMGBOT_BACKUP_FROM fetches is no good: {error}") from error
        finally:
            process.kill()
    taken_ms = manifest.about.get("taken_ms")
    if not isinstance(taken_ms, int) or taken_ms / 1000 < time.time() - THRESHOLDS[SENT].attention:
        raise BackupError("what IMGBOT_BACKUP_FROM fetches is not the latest backup: it is too old")
    return manifest.summary
