"""Steps for the pool's tests; workers import this module, so it imports next to nothing."""

import os
import signal
import sys
import time
from pathlib import Path


class TwoPartError(Exception):
    """Cannot be unpickled: its arguments are not the ones it was made with."""

    def __init__(self, one: int, other: int) -> None:
        super().__init__(one + other)


def pid() -> int:
    return os.getpid()


def note_and_hang(folder: str) -> None:
    """Say that this worker has begun, by a file named after it, and never end."""
    (Path(folder) / str(os.getpid())).touch()
    while True:
        signal.pause()


def wait_for(path: str) -> int:
    """Begin visibly, and end when the file appears."""
    Path(f"{path}.{os.getpid()}").touch()
    while not Path(path).exists():
        time.sleep(0.005)
    return os.getpid()


def die_once(marker: str) -> int:
    """Kill the own worker the first time, and answer the second."""
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_birth(folder: str, _memory_bytes: int) -> None:
    """An initializer that kills its worker."""
    (Path(folder) / str(os.getpid())).touch()
    die()


def fail(message: str) -> None:
    raise LookupError(message)


def fail_oddly() -> None:
    raise TwoPartError(1, 2)


_kept: list[bytearray] = []


def keep(size_bytes: int) -> int:
    """Hold memory beyond the end of the step, as a leak does."""
    _kept.append(bytearray(size_bytes))
    return os.getpid()


def signals_ignored() -> list[bool]:
    return [signal.getsignal(kind) == signal.SIG_IGN for kind in (signal.SIGINT, signal.SIGTERM)]


def modules() -> list[str]:
    return sorted(sys.modules)


def take(size_bytes: int) -> int:
    """Need memory for as long as the step lasts."""
    return len(b"\1" * size_bytes)


def fail_holding(size_bytes: int) -> None:
    """Fail as a decoder does: its pixels are in the frames of the error's cause."""
    pixels = b"\1" * size_bytes
    try:
        pixels.index(b"x")
    except ValueError as error:
        raise LookupError("a broken picture") from error


def keep_and_fail(size_bytes: int) -> None:
    keep(size_bytes)
    raise LookupError("a broken picture")
