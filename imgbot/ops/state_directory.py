"""State directory: who may use it, what a backup copies from it, when it must not be served.

One supervisor per state directory and per bot: two would fight over updates and jobs. Both locks
are the kernel's and die with their process, so none is ever left behind: a flock on
`<state>/lock`, and a listening abstract unix socket that is named by a hash of the token, and
proves to those who ask that it knows the token.
"""

import contextlib
import errno
import fcntl
import hashlib
import hmac
import os
import secrets
import shutil
import socket
import struct
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path

from imgbot.domain.errors import ConfigError, ImgbotError
from imgbot.domain.findings import Finding, ok, wrong
from imgbot.files import (
    PART,
    STATE_SETTING,
    anchored,
    as_owner,
    open_plain,
    raise_if_full,
    replace_file,
    text_of,
)
from imgbot.ops.installation import STATE
from imgbot.telemetry import events

MOVED = "moved"
"""A file: the bot goes on elsewhere. The same jobs served at two places are paid twice."""

UNFINISHED = "restore.part"
"""A folder: what a restore has unpacked."""

BEGUN = "begun"
"""A file in it: what was here before is being replaced."""

LOADTEST_RECORD = "loadtest.json"
"""A file: the latest load test of this machine."""

_ATTEMPTS, _AGAIN_S, _ANSWER_S = 3, 0.2, 2.0
_PROOF_BYTES = 32
# The server's own files, locks, what can be fetched again or is true of this machine alone, and
# what is only half there.
_LEFT_OUT = frozenset({"redis", "lock", "models", LOADTEST_RECORD, MOVED, UNFINISHED})


def check_usable(state_dir: Path) -> None:
    """Refuse a state directory that was moved, or is half restored. Raises ConfigError."""
    if found := _obstacle(state_dir):
        raise ConfigError(STATE_SETTING, "; ".join(found))


def _obstacle(state_dir: Path) -> tuple[str, str] | None:
    """Return why no bot may run with this state directory, and what to do.

    That is never a command that lets the same jobs be served at two places.
    """
    # Only root may write where the service has its state.
    restore = f"{'sudo ' if state_dir == STATE else ''}imgbot restore FILE --force"
    if (state_dir / MOVED).exists():
        what = f"this bot was moved from {state_dir} by `imgbot backup --stop`"
        way = (
            "if it serves elsewhere, leave it so. To bring it back: `sudo imgbot backup --stop "
            f"--with-secrets FILE` there, then `{restore}` here; if that backup was restored "
            f"nowhere, `{restore}` with it"
        )
        return f"{what}, and would pay for its jobs twice", way
    if (state_dir / UNFINISHED / BEGUN).exists():
        what = f"a restore into {state_dir} was interrupted"
        return what, f"run it again, to its end: {restore}"
    return None


def examine(state_dir: Path) -> Finding:
    """Return the doctor's finding about the state directory."""
    if found := _obstacle(state_dir):
        return wrong("state", *found)
    if not state_dir.exists():
        return ok("state", f"{state_dir} will be created at the first start")
    if not state_dir.is_dir() or not os.access(state_dir, os.R_OK | os.W_OK | os.X_OK):
        advice = f"ls -ld {state_dir}; as a service: sudo imgbot doctor"
        return wrong("state", f"{state_dir} is not readable and writable", advice)
    return ok("state", f"{state_dir} is readable and writable")


def members(state_dir: Path) -> Iterator[tuple[str, Path]]:
    """Give what a backup copies, as (name in the backup, file); those of jobs come first."""
    for top in sorted(state_dir.iterdir()):
        if top.name in _LEFT_OUT or top.suffix == PART:
            continue
        below = sorted(top.rglob("*")) if top.is_dir() and not top.is_symlink() else [top]
        for path in below:
            if path.is_file() and path.suffix != PART:
                yield f"state/{path.relative_to(state_dir).as_posix()}", path


def replace_state(unpacked: Path, state_dir: Path) -> None:
    """Replace the state by what was unpacked from a backup."""
    for old in ("jobs", "pictures"):
        shutil.rmtree(state_dir / old, ignore_errors=True)
    for entry in sorted(unpacked.iterdir()) if unpacked.is_dir() else []:
        # No backup of ours has these: they are this place's own.
        if entry.name in _LEFT_OUT:
            continue
        target = state_dir / entry.name
        if target.is_dir():
            shutil.rmtree(target)
        entry.replace(target)
    # Redis asserts these files from now on.
    os.sync()


def mark_moved(state_dir: Path, backup: str) -> None:
    """Mark the bot as moved, by the backup of that name."""
    replace_file(state_dir / MOVED, f"{backup}\n", 0o600)


class AlreadyRunningError(ImgbotError):
    """Another process holds the bot or the state directory.

    It ends with status 1, not 78: no setting is wrong, and systemd's next try succeeds as soon
    as the other process has ended (one that was started by hand, or one that still drains).
    """

    def __init__(self, what: str, pid: int) -> None:
        super().__init__(f"another imgbot {what}: {describe(pid)}; stop it first")
        self.pid = pid


@contextlib.contextmanager
def instance_lock(state_dir: Path, token: str) -> Generator[None]:
    """Hold the locks of a supervisor. Raises AlreadyRunningError, ConfigError.

    Without a token the state directory alone is locked: for work on it while no bot runs.
    """
    with _lock(state_dir), _token_lock(token) if token else contextlib.nullcontext():
        yield


@contextlib.contextmanager
def _lock(state_dir: Path) -> Generator[None]:
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        with anchored(state_dir) as here, as_owner(here):
            file = os.open(here / "lock", flags, 0o600)
    except OSError as error:
        raise_if_full(error)
        raise ConfigError(
            STATE_SETTING, f"{state_dir} cannot be written to ({error.strerror})"
        ) from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.pread(file, 32, 0).strip()
            pid = int(text) if text.isdigit() else 0
            raise AlreadyRunningError(f"uses the state directory {state_dir}", pid) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        try:
            yield
        finally:
            # Unlocked explicitly: a child between fork and exec still shares the open file.
            fcntl.flock(file, fcntl.LOCK_UN)
    finally:
        # The file stays: removing it would let two processes lock two files of one name.
        os.close(file)


@contextlib.contextmanager
def _token_lock(token: str) -> Generator[None]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        for _ in range(_ATTEMPTS):
            try:
                listener.bind(f"\0{_name_of(token)}")
            except OSError:
                if (pid := _holder_of(token)) is not None:
                    raise AlreadyRunningError("serves this bot", pid) from None
                # It has just ended, or does not listen yet.
                time.sleep(_AGAIN_S)
            else:
                break
        else:
            events.warning("another account holds the lock of this bot's token: it is not used")
            yield
            return
        listener.listen()
        proving = threading.Thread(target=_prove, args=(listener, token), daemon=True)
        proving.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            proving.join()


def _prove(listener: socket.socket, token: str) -> None:
    """Answer those who ask whether this process knows the token."""
    while True:
        try:
            asking, _ = listener.accept()
        except OSError as error:
            if error.errno == errno.EINVAL:  # It is shut down.
                return
            time.sleep(_AGAIN_S)
            continue
        with asking, contextlib.suppress(OSError):
            asking.settimeout(_ANSWER_S)
            asking.sendall(_proof_of(token, asking.recv(_PROOF_BYTES)))


def _holder_of(token: str) -> int | None:
    """Return the process that holds the lock of a token, 0 where it cannot be seen, None without.

    Any account of this machine can take the name, but not prove that it knows the token.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(_ANSWER_S)
        try:
            asking.connect(f"\0{_name_of(token)}")
            peer = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            pid, user, _ = struct.unpack("3i", peer)
            question = secrets.token_bytes(_PROOF_BYTES)
            asking.sendall(question)
            is_ours = user in {0, os.geteuid()} or hmac.compare_digest(
                asking.recv(_PROOF_BYTES), _proof_of(token, question)
            )
        except OSError:
            return None
    return pid if is_ours else None


def _proof_of(token: str, question: bytes) -> bytes:
    return hmac.digest(token.encode(), question, "sha256")


def supervisor_of(state_dir: Path, token: str = "") -> int | None:
    """Return the process that holds either lock, 0 where it cannot be seen, None without one.

    Only looks: asking for a lock could make a bot that starts at this moment give up.
    """
    try:
        with open_plain(state_dir / "lock") as file:
            text = file.read(32).decode("ascii", "replace").strip()
            inode = os.fstat(file.fileno()).st_ino
    except OSError:
        text, inode = "", 0
    pid = int(text) if text.isdecimal() else 0
    # 12: FLOCK  ADVISORY  WRITE 4711 fd:01:131074 0 EOF
    held = [line.split() for line in text_of(Path("/proc/locks")).splitlines() if "FLOCK" in line]
    if inode and any(f":{inode}" in words[-3] and words[-4] == str(pid) for words in held):
        return pid
    return 0 if token and _holder_of(token) is not None else None


def _name_of(token: str) -> str:
    digest = hashlib.sha256(b"imgbot lock\0" + token.encode()).hexdigest()
    return f"imgbot-{digest[:32]}"


def describe(pid: int) -> str:
    """Describe a process by its id and command line, as far as visible."""
    if not pid:
        return "a process that cannot be seen from here"
    command = text_of(Path(f"/proc/{pid}/cmdline")).replace("\0", " ").strip()
    return f"process {pid} ({command[:200]})" if command else f"process {pid}"
