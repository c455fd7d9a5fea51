"""Process control of the running bot: signals, systemd, event loop lag, an end to a hanging stop.

Outside systemd every notification does nothing. Only the main process may send any
(NotifyAccess=main).
"""

import asyncio
import contextlib
import faulthandler
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from imgbot.config.settings import MAX_WORKERS, Settings
from imgbot.domain.errors import ConfigError
from imgbot.files import replace_file
from imgbot.painter.pool import Pool
from imgbot.telemetry import events

LIMIT_S = 160.0
"""Longer than every orderly stop; shorter than systemd's TimeoutStopSec, whose kill says nothing
of where it hung."""

LAST_S = 170.0
"""For what hangs so hard that Python itself gets no turn."""

_TASKS_SHOWN = 50


def force_exit_after(loop: asyncio.AbstractEventLoop) -> None:
    """Give the process LIMIT_S from now to end by itself; then it exits with status 1."""
    faulthandler.dump_traceback_later(LAST_S, exit=True)
    timer = threading.Timer(LIMIT_S, _give_up, [loop])
    timer.daemon = True
    timer.start()


def _give_up(loop: asyncio.AbstractEventLoop) -> None:
    tasks = list(asyncio.all_tasks(loop))[:_TASKS_SHOWN]
    events.critical("the stop hangs; ended, and the next start goes on where this one was")
    for task in tasks:
        events.critical("pending task: %s: %s", task.get_name(), _where(task))
    faulthandler.dump_traceback()
    os._exit(1)


def _where(task: "asyncio.Task[Any]") -> str:
    """Follow what a task waits for, down to what is no coroutine any longer."""
    places: list[str] = []
    awaited: Any = task.get_coro()
    while (frame := getattr(awaited, "cr_frame", None)) is not None:
        file = Path(frame.f_code.co_filename).name
        places.append(f"{file}:{frame.f_lineno} {frame.f_code.co_name}")
        awaited = awaited.cr_await
    return " > ".join(places)


class Notifier:
    """Connection to the service manager by its NOTIFY_SOCKET; never raises."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        address = environ.get("NOTIFY_SOCKET", "")
        # An abstract name begins with a zero byte, which is written as @.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        period, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
        is_watched = period.isdecimal() and pid in {"", str(os.getpid())}
        self.watchdog_interval_s = int(period) / 1_000_000 / 3 if is_watched else 0.0
        """A third of the watchdog's period; 0 without a watchdog."""

    @property
    def is_service(self) -> bool:
        """True if a service manager started this process."""
        return bool(self._address)

    def ready(self, status: str = "") -> None:
        self._send("READY=1", _status(status))

    def status(self, status: str) -> None:
        self._send(_status(status))

    def stopping(self, status: str = "") -> None:
        self._send("STOPPING=1", _status(status))

    def reloading(self) -> None:
        """Say that the settings are read again; `ready` ends it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def alive(self) -> None:
        """Feed the watchdog; call it only after progress."""
        self._send("WATCHDOG=1")

    def give_up(self) -> None:
        """Ask to be killed and started again now, as if the watchdog had not been fed."""
        self._send("WATCHDOG=trigger")

    def extend_timeout(self, seconds: float) -> None:
        """Ask for more time to start or stop, from now."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * 1_000_000)}")

    def _send(self, *lines: str) -> None:
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


LAG_INTERVAL_S = 2.0


async def measure_loop_lag(observe: Callable[[float], None]) -> None:
    """Measure how late the loop wakes a sleeping task, in seconds; runs until cancelled."""
    while True:
        due = time.monotonic() + LAG_INTERVAL_S
        await asyncio.sleep(LAG_INTERVAL_S)
        observe(max(0.0, time.monotonic() - due))


def resize_pool(pool: Pool, workers: int) -> None:
    """Set the number of workers, within its limits."""
    workers = min(max(workers, 1), MAX_WORKERS)
    if workers != pool.size:
        pool.resize(workers)
        events.info("workers: %d", workers)


SCALE_REQUEST, RELOAD_REQUEST = "workers", "reload"
"""Files in the state directory by which `imgbot scale` and `imgbot reload` ask at a SIGHUP: the
supervisor removes the file, or writes into it what is wrong."""


def take_scale_request(state_dir: Path) -> int | None:
    """Take the requested number of workers, if any."""
    path = state_dir / SCALE_REQUEST
    try:
        text = path.read_text(encoding="ascii", errors="replace")[:20].strip()
        path.unlink()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None


class Signals:
    """SIGTERM and SIGINT set `stopping`; a second SIGINT ends the process there and then.

    SIGUSR1 does so as well, to hand a cluster over: unless it is told to stop, it then ends with
    status 1, and its service starts it again.

    SIGHUP takes the size that was requested (`imgbot scale`), else that of the settings.
    """

    def __init__(
        self, notifier: Notifier, pool: Pool, reread: Callable[[], Settings], state_dir: Path
    ) -> None:
        self.stopping = asyncio.Event()
        self._is_handing_over = False
        self._notifier = notifier
        self._pool = pool
        self._reread = reread
        self._state_dir = state_dir

    def listen(self) -> None:
        """Install the handlers; call inside the loop."""
        # Requests to an earlier process do not concern this one.
        take_scale_request(self._state_dir)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop)
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        loop.add_signal_handler(signal.SIGUSR1, self._hand_over)
        loop.add_signal_handler(signal.SIGTTIN, self._resize, 1)
        loop.add_signal_handler(signal.SIGTTOU, self._resize, -1)

    def _resize(self, by: int) -> None:
        resize_pool(self._pool, self._pool.size + by)

    def _drain(self) -> None:
        if not self.stopping.is_set():
            events.info("stopping: finishing jobs that are almost done; the rest waits in Redis")
            force_exit_after(asyncio.get_running_loop())
        self.stopping.set()

    def _stop(self) -> None:
        self._is_handing_over = False
        self._drain()

    def _hand_over(self) -> None:
        self._is_handing_over |= not self.stopping.is_set()
        self._drain()

    def conclude(self) -> int:
        """Log how the bot ended; return the exit status."""
        events.info("stopped%s", ", to be started again" if self._is_handing_over else "")
        return int(self._is_handing_over)

    def _interrupt(self) -> None:
        if self.stopping.is_set():
            events.warning("stopped at once; the next start resumes from here")
            # Nothing to save: every step is in Redis before it counts. Workers and the
            # embedded Redis end with this process.
            os._exit(1)
        self._stop()

    def _reload(self) -> None:
        self._notifier.reloading()
        answer = self._state_dir / RELOAD_REQUEST
        try:
            wanted = take_scale_request(self._state_dir)
            resize_pool(self._pool, self._reread().worker_count if wanted is None else wanted)
            with contextlib.suppress(OSError):
                answer.unlink()
        except ConfigError as error:
            events.warning("the settings were not changed: %s", error)
            with contextlib.suppress(OSError):
                if answer.exists():
                    replace_file(answer, str(error), 0o600)
        self._notifier.ready(f"serving with {self._pool.size} workers")
