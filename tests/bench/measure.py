"""A call in a process of its own: how long it took, and the peak of its memory."""

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Measured:
    """What a call cost, and what it returned."""

    seconds: float
    peak_mib: float
    returned: Any


def measure(call: Callable[..., Any], *given: Any) -> Measured:
    # In this process the peak would be the largest of all calls so far.
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(_measured, call, *given).result()


def _measured(call: Callable[..., Any], *given: Any) -> Measured:
    began_s = time.perf_counter()
    returned = call(*given)
    seconds = time.perf_counter() - began_s
    # ru_maxrss would count what the parent held when it started this process.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return Measured(seconds, int(status.partition("VmHWM:")[2].split()[0]) / 1024, returned)
