"""Ends a stop that hangs: where it hangs is written to the log, then the process is gone.

Nothing is lost by it, for every step is in Redis before it counts.
"""

import asyncio
import faulthandler
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from imgbot.telemetry import events as telemetry

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
    telemetry.stop_hangs([f"{task.get_name()}: {_where(task)}" for task in tasks])
    faulthandler.dump_traceback()
    os._exit(1)


def _where(task: "asyncio.Task[Any]") -> str:
    return " > ".join(_place(frame) for frame in _frames(task.get_coro()))


def _frames(awaited: Any) -> Iterator[FrameType]:
    """Follow what a coroutine waits for, down to what is no coroutine any longer."""
    while (frame := getattr(awaited, "cr_frame", None)) is not None:
        yield frame
        awaited = awaited.cr_await


def _place(frame: FrameType) -> str:
    code = frame.f_code
    return f"{Path(code.co_filename).name}:{frame.f_lineno} {code.co_name}"
