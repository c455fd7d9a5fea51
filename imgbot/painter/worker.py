"""Inside of a worker process: initialization, and execution of one step.

Rule: a worker never outlives its supervisor, and never dies by a signal meant for it. Standard
library only, and little of it: every worker pays for each import here.
"""

import contextlib
import gc
import math
import os
import pickle
import resource
import signal
import threading
import traceback
from collections.abc import Callable
from multiprocessing import parent_process
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

MEMORY_BYTES = 700 << 20
"""Memory limit of a worker beyond what it starts with."""


def initialize(memory_bytes: int) -> None:
    """Set up a fresh process; runs once, before the first step."""
    # Draining is up to the supervisor: Ctrl-C reaches the whole process group, and systemd's
    # SIGTERM the whole control group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, name="leave-with-parent", daemon=True).start()
    # A hardened unit forbids it, and sets a weight for the whole service instead.
    with contextlib.suppress(PermissionError):
        os.nice(5)
    # A container with a read-only /proc refuses: this is optional.
    with contextlib.suppress(OSError):
        # When memory runs out, a picture step is the cheapest loss: it is simply repeated.
        Path("/proc/self/oom_score_adj").write_text("800")
    # The limit is on address space, so what is mapped already (code, libraries) is added.
    limit = _mapped_bytes() + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    # Objects loaded by the forkserver stay for good; scanning them would only unshare pages.
    gc.freeze()


def ping() -> int:
    """Answer that the process serves."""
    return os.getpid()


def run_step(deadline_s: float, work: Callable[[], T]) -> T:
    """Run one step, as the only function that a pool calls in a worker.

    Its exception is raised unchanged if it can be pickled.
    """
    # The default action of SIGALRM ends the process in the kernel, even where a C loop holds the
    # interpreter and no Python thread would run.
    # The supervisor kills a worker at its deadline; the alarm covers a supervisor that is gone.
    signal.setitimer(signal.ITIMER_REAL, deadline_s + 10.0)
    try:
        return work()
    except Exception as error:
        _release(error)
        if _can_travel(error):
            raise
        raise RuntimeError(f"{type(error).__name__}: {error}") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _release(error: BaseException) -> None:
    """Free what the failed step's frames hold: the executor keeps an error until the next one."""
    each: BaseException | None = error
    while each is not None:
        traceback.clear_frames(each.__traceback__)
        each = each.__cause__ or each.__context__


def _can_travel(error: Exception) -> bool:
    # An exception that cannot be unpickled in the supervisor would break the executor instead.
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 -- our own bytes, made in this line
    except Exception:  # noqa: BLE001 -- __reduce__ of a foreign class may raise anything
        return False
    return True


def _leave_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def free_bytes() -> float:
    """Return the bytes the process may still allocate; infinity without a limit."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return math.inf if limit == resource.RLIM_INFINITY else limit - _mapped_bytes()


def _mapped_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")
