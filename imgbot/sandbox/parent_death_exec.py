"""Runs a program that ends with its parent: `parent_death_exec.py <parent pid> <program> <args…>`.

Standard library only; it runs as a script, sets the parent-death signal, and execs the program.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def exec_tied(parent: int, command: list[str]) -> None:
    """Exec `command`, tied to `parent`."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    # The parent may have died before the call above: then no signal will ever come.
    if os.getppid() != parent:
        raise SystemExit(1)
    os.execv(command[0], command)  # noqa: S606 -- no shell, by design


if __name__ == "__main__":
    exec_tied(int(sys.argv[1]), sys.argv[2:])
