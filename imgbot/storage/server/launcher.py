"""Launcher of the embedded Redis: `python launcher.py <parent> <lock> <log> <program> <args…>`.

It sets up what must be in place before the server runs and survives exec: the signal sent when
the parent dies, and a lock held for exactly as long as the server or a child of it runs.
Standard library only; it runs as a script, in an interpreter of its own.
"""

import ctypes
import fcntl
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
LOCKED = 75
PARENT_GONE = 76


def main(parent: int, lock_file: str, log_file: str, command: list[str]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    # The parent may have died before the call above: then no signal will ever arrive.
    if os.getppid() != parent:
        raise SystemExit(PARENT_GONE)
    lock = os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(LOCKED) from None
    # Python closes its files at exec; this one must stay open as long as the server runs.
    fcntl.fcntl(lock, fcntl.F_SETFD, 0)
    # Truncated at each start: it holds warnings only, and so stays small.
    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.umask(0o077)
    os.execv(command[0], command)  # noqa: S606 -- no shell, by design


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])
