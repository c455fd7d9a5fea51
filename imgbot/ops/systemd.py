"""Notifications to systemd: ready, status, watchdog, stopping.

Outside systemd every call does nothing. Only the main process may speak (NotifyAccess=main).
"""

import contextlib
import os
import socket
import time
from collections.abc import Mapping


class Notifier:
    """The way to the service manager, from its NOTIFY_SOCKET; never raises."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        address = environ.get("NOTIFY_SOCKET", "")
        # An abstract name begins with a zero byte, which is written as @.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self.watchdog_interval_s = _watchdog_interval_s(environ)

    @property
    def is_under_systemd(self) -> bool:
        return bool(self._address)

    def ready(self, status: str = "") -> None:
        self._tell("READY=1", _status(status))

    def status(self, status: str) -> None:
        self._tell(_status(status))

    def stopping(self, status: str = "") -> None:
        self._tell("STOPPING=1", _status(status))

    def reloading(self) -> None:
        """Say that the settings are read again; `ready` ends it."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def alive(self) -> None:
        """Feed the watchdog; to be called only where progress was seen."""
        self._tell("WATCHDOG=1")

    def give_up(self) -> None:
        """Ask to be killed and started again now, as if the watchdog had not been fed."""
        self._tell("WATCHDOG=trigger")

    def extend_timeout(self, seconds: float) -> None:
        """Ask for so much more time to start or to stop, from now."""
        self._tell(f"EXTEND_TIMEOUT_USEC={int(seconds * 1_000_000)}")

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        message = "\n".join(line for line in lines if line).encode()
        # A manager that is gone or does not read must not stop the bot.
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as out,
        ):
            out.sendto(message, self._address)


def _status(text: str) -> str:
    return f"STATUS={' '.join(text.split())[:500]}" if text else ""


def _watchdog_interval_s(environ: Mapping[str, str]) -> float | None:
    """Give how often the watchdog wants to be fed: three times in its period; None without one."""
    period, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not period.isdecimal() or not int(period) or pid not in {"", str(os.getpid())}:
        return None
    return int(period) / 1_000_000 / 3
