"""Closing messages of `imgbot backup` and `imgbot restore`."""

from pathlib import Path
from typing import Any

from imgbot.ops.backup.archive import Manifest

_NONE = {"jobs": 0, "pictures": 0, "keys": 0}


def made(manifest: Manifest, target: Path, *, is_stopped: bool, has_secrets: bool) -> list[str]:
    """Say what is in a backup, and what must be known of it."""
    size_mb = target.stat().st_size / 1_000_000
    lines = [f"{target}: {_sum(manifest)}, {size_mb:.1f} MB, for its owner alone"]
    if has_secrets:
        lines.append("it holds the token and the keys: whoever reads it has the bot")
    else:
        lines.append("the token and the keys are not in it (--with-secrets)")
    if is_stopped:
        lines.append(
            "the bot is stopped, and does not start here again; restore the file elsewhere"
        )
    else:
        lines.append(
            "the bot goes on, and the file grows old: for a move, make the last one with --stop"
        )
    return lines


def restored(manifest: Manifest, state_dir: Path, *, is_certain: bool) -> list[str]:
    """Say what is there now, and what is to be done.

    `is_certain` says that nobody has served these jobs since the backup.
    """
    lines = [f"{state_dir}: {_sum(manifest)}"]
    if not is_certain:
        lines.append(
            "the backup is of a bot that went on: stop that one for good. Jobs that waited are "
            "looked up at their provider first, and stop where it cannot tell; messages that "
            "Telegram made wait then are not answered here"
        )
    if not _has_secrets(manifest):
        lines.append(
            "the token and the keys are not in the backup: `sudo ./imgbot install` asks for those "
            "that are not here yet"
        )
    start = "sudo systemctl enable --now imgbot"
    return [*lines, f"start it: {start}, or where it is not installed yet: sudo ./imgbot install"]


def _has_secrets(manifest: Manifest) -> bool:
    # One of an earlier release does not say.
    is_seen = any(name.startswith("settings/credentials/") for name in manifest.files)
    return bool(manifest.about.get("has_secrets", is_seen))


def _sum(manifest: Manifest) -> str:
    said: Any = manifest.about.get("counts")
    counts = {**_NONE, **said} if isinstance(said, dict) else _NONE
    return (
        f"{counts['jobs']} jobs under way, {counts['pictures']} pictures "
        f"remembered, {counts['keys']} entries of Redis, {len(manifest.files)} files"
    )
