"""Ends the bot of this machine, and waits until it has ended."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from imgbot.domain.errors import ImgbotError
from imgbot.ops.install.layout import UNIT
from imgbot.ops.lock import describe, supervisor_of

_STOP_PATIENCE_S = 240.0
"""More than systemd waits before it kills."""

_STOP_LOOK_EVERY_S = 0.1


class NotStoppedError(ImgbotError):
    """The bot runs on; the message says what to do."""


def stop_service(state_dir: Path, token: str) -> None:
    """Stop the service for good, else the process; returns once neither runs.

    Raises NotStoppedError.
    """
    pid = supervisor_of(state_dir, token)
    if pid is None:
        return
    if _is_service(pid):
        _disable_unit()
    else:
        _end(pid)
    deadline = time.monotonic() + _STOP_PATIENCE_S
    while (pid := supervisor_of(state_dir, token)) is not None:
        if time.monotonic() > deadline:
            raise NotStoppedError(f"{describe(pid)} does not stop: sudo systemctl stop imgbot")
        time.sleep(_STOP_LOOK_EVERY_S)


def _disable_unit() -> None:
    # Disabled, too: the next boot must not start it.
    command = ["systemctl", "--no-ask-password", "disable", "--now", UNIT]
    made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if made.returncode:
        why = made.stderr.strip().splitlines()[-1:] or [f"exit status {made.returncode}"]
        hint = "" if os.geteuid() == 0 else "; it is root's to stop: use sudo"
        raise NotStoppedError(f"the service does not stop ({why[0][:300]}){hint}")


def _end(pid: int) -> None:
    try:
        if pid:
            os.kill(pid, signal.SIGTERM)
            return
    except ProcessLookupError:
        return
    except PermissionError:
        pass
    raise NotStoppedError("a bot runs here that is not yours to stop: use sudo")


def _is_service(pid: int) -> bool:
    if not pid or not shutil.which("systemctl"):
        return False
    try:
        group = Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return group.strip().endswith(f"/{UNIT}")
