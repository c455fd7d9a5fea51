"""Signals: drain, stop at once, resize, read the settings again."""

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Protocol

from imgbot.config.settings import MAX_WORKERS, Settings
from imgbot.domain.errors import ConfigError
from imgbot.ops.shutdown_timeout import force_exit_after
from imgbot.ops.systemd import Notifier
from imgbot.telemetry import events as telemetry


class Resizable(Protocol):
    """A pool whose number of workers can be changed while it runs."""

    size: int

    def resize(self, workers: int) -> None: ...


class Signals:
    """SIGTERM and SIGINT set `draining`; a second SIGINT ends the process there and then.

    SIGHUP has the size that `take_request` gives (`imgbot scale`), else that of the settings.
    """

    def __init__(
        self,
        notifier: Notifier,
        pool: Resizable,
        reread: Callable[[], Settings],
        take_request: Callable[[], int | None],
        answer_reload: Callable[[str], None],
    ) -> None:
        self.draining = asyncio.Event()
        self._take_request = take_request
        self._answer_reload = answer_reload
        self._notifier = notifier
        self._pool = pool
        self._reread = reread

    def listen(self) -> None:
        """Take the signals over; call inside the loop."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._drain)
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        loop.add_signal_handler(signal.SIGTTIN, lambda: self._resize(self._pool.size + 1))
        loop.add_signal_handler(signal.SIGTTOU, lambda: self._resize(self._pool.size - 1))

    def _drain(self) -> None:
        if not self.draining.is_set():
            telemetry.info("stopping: finishing what is seconds away; the rest waits in Redis")
            force_exit_after(asyncio.get_running_loop())
        self.draining.set()

    def _interrupt(self) -> None:
        if self.draining.is_set():
            telemetry.warning("stopped at once; the next start goes on where this one was")
            # Nothing to save: every step is in Redis before it counts. Workers and the
            # embedded Redis end with this process.
            os._exit(1)
        self._drain()

    def _resize(self, workers: int) -> None:
        workers = min(max(workers, 1), MAX_WORKERS)
        if workers != self._pool.size:
            self._pool.resize(workers)
            telemetry.info("workers: %d", workers)

    def _reload(self) -> None:
        self._notifier.reloading()
        wrong = ""
        if (wanted := self._take_request()) is not None:
            self._resize(wanted)
        else:
            wrong = self._reread_size()
        self._answer_reload(wrong)
        self._notifier.ready(f"serving with {self._pool.size} workers")

    def _reread_size(self) -> str:
        """Apply the size that the settings say; return what is wrong with them."""
        try:
            self._resize(self._reread().worker_count)
        except ConfigError as error:
            telemetry.warning("the settings stay as they were: %s", error)
            return str(error)
        return ""
