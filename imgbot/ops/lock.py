"""One supervisor per state directory and per bot: two would fight over updates and jobs.

Both locks are the kernel's and die with their process, so none is ever left behind: a flock on
`<state>/lock`, and a listening abstract unix socket that is named by a hash of the token.
"""

import contextlib
import fcntl
import hashlib
import os
import socket
import struct
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from imgbot.domain.errors import ConfigError, ImgbotError


class AlreadyRunningError(ImgbotError):
    """Another process holds the bot or the state directory.

    It ends with status 1, not 78: no setting is wrong, and systemd's next try succeeds as soon
    as the other process has ended (one that was started by hand, or one that still drains).
    """

    def __init__(self, what: str, pid: int) -> None:
        super().__init__(f"another imgbot {what}: {describe(pid)}; stop it first")
        self.pid = pid


class InstanceLock:
    """Held from `acquire` to `release` by the supervisor; `with` does both.

    Without a token the state directory alone is locked: by whoever works on it while no bot does.
    """

    def __init__(self, state_dir: Path, token: str) -> None:
        self._path = state_dir / "lock"
        self._name = f"\0{_name_of(token)}" if token else ""
        self._file: int | None = None
        self._socket: socket.socket | None = None
        self._acceptor: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def acquire(self) -> None:
        try:
            self._lock_state_dir()
            if self._name:
                self._lock_token()
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        # The file stays: removing it would let two processes lock two files of one name.
        if self._socket is not None:
            if self._acceptor is not None:
                # Closing alone would leave the thread where it waits, and the name taken.
                self._socket.shutdown(socket.SHUT_RDWR)
                self._acceptor.join()
            self._socket.close()
        if self._file is not None:
            # Said aloud: a child between fork and exec still shares the open file.
            fcntl.flock(self._file, fcntl.LOCK_UN)
            os.close(self._file)
        self._socket = self._file = self._acceptor = None

    def _lock_state_dir(self) -> None:
        folder = self._path.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Root locks, too, in a folder of the service's: a link there must lead it nowhere.
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._file = os.open(self._path, flags, 0o600)
        except OSError as error:
            raise ConfigError(
                "IMGBOT_STATE_DIR", f"{folder} cannot be written to ({error.strerror})"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.pread(self._file, 32, 0).strip()
            pid = int(text) if text.isdigit() else 0
            raise AlreadyRunningError(f"uses the state directory {folder}", pid) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def _lock_token(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.bind(self._name)
        except OSError:
            raise AlreadyRunningError("serves this bot", self._peer()) from None
        # Whoever is refused connects, to learn from the kernel who listens; unless it is accepted,
        # it keeps its place in the backlog for ever.
        self._socket.listen()
        self._acceptor = threading.Thread(target=_accept_all, args=[self._socket], daemon=True)
        self._acceptor.start()

    def _peer(self) -> int:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.settimeout(1.0)
            with contextlib.suppress(OSError):
                asking.connect(self._name)
                size = struct.calcsize("3i")
                found = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
                return struct.unpack("3i", found)[0]
        return 0


def _accept_all(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            listener.accept()[0].close()


def supervisor_of(state_dir: Path, token: str = "") -> int | None:
    """Return the process that holds either lock, 0 where it cannot be seen, None without one.

    Only looks: asking for a lock could make a bot that starts at this moment give up.
    """
    try:
        text = (state_dir / "lock").read_text(encoding="ascii", errors="replace").strip()
        inode = (state_dir / "lock").stat().st_ino
    except OSError:
        text, inode = "", 0
    pid = int(text) if text.isdecimal() else 0
    # 12: FLOCK  ADVISORY  WRITE 4711 fd:01:131074 0 EOF
    held = [line.split() for line in _lines("/proc/locks") if "FLOCK" in line]
    if inode and any(f":{inode}" in words[-3] and words[-4] == str(pid) for words in held):
        return pid
    if token and any(line.endswith(f"@{_name_of(token)}") for line in _lines("/proc/net/unix")):
        return 0
    return None


def _name_of(token: str) -> str:
    digest = hashlib.sha256(b"imgbot lock\0" + token.encode()).hexdigest()
    return f"imgbot-{digest[:32]}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def describe(pid: int) -> str:
    """Name a process by its id and command line, as far as either can be seen."""
    if not pid:
        return "a process that cannot be seen from here"
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return f"process {pid}"
    command = b" ".join(words).decode(errors="replace").strip()
    return f"process {pid} ({command[:200]})" if command else f"process {pid}"
