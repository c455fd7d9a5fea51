"""The program itself, run as an operator runs it, against a sandbox."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import httpx
from redis.asyncio import Redis

from imgbot.sandbox.bot_process import free_port
from imgbot.sandbox.provider import KEY
from imgbot.storage.scripts import connect
from tests.support.waiting import PATIENCE_S


class Place(Protocol):
    """A sandbox, here or in another process."""

    @property
    def url(self) -> str: ...

    @property
    def token(self) -> str: ...


class Bot:
    """One state directory and one supervisor at a time on it; starts again after a kill."""

    def __init__(self, sandbox: Place, state_dir: Path, **settings: str) -> None:
        self._sandbox = sandbox
        self.settings = settings
        self.command = [sys.executable, "-m", "imgbot"]
        self._arguments: tuple[str, ...] = ()
        self._log = state_dir.parent / "bot.log"
        self._process: asyncio.subprocess.Process | None = None
        self.state_dir = state_dir
        self.http_port = free_port()

    @property
    def environ(self) -> dict[str, str]:
        clean = {name: v for name, v in os.environ.items() if not name.startswith("IMGBOT_")}
        return clean | {
            "IMGBOT_TOKEN": self._sandbox.token,
            "IMGBOT_TELEGRAM_API": self._sandbox.url,
            "IMGBOT_STATE_DIR": str(self.state_dir),
            "IMGBOT_HTTP": f"127.0.0.1:{self.http_port}",
            "IMGBOT_POLL_INTERVAL_INITIAL": "0.2",
            "IMGBOT_POLL_INTERVAL_MAX": "0.5",
            "IMGBOT_RATE_LIMIT_MAX_REQUESTS": "1000",
            # As the unit has it: a bot that hangs can be asked where.
            "PYTHONFAULTHANDLER": "1",
            **self.settings,
        }

    @property
    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def secrets_in_log(self) -> list[str]:
        """Lines of the log that hold what must never be there."""
        secrets = [self._sandbox.token, self._sandbox.token.partition(":")[2], KEY]
        return [line for line in self.log.splitlines() if any(s in line for s in secrets)]

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def redis_url(self) -> str:
        return f"unix://{self.state_dir}/redis/redis.sock"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None and self._process.returncode is None:
            await self.stop()
        if kind is not None:
            sys.stderr.write(self.log)

    async def launch(self, *arguments: str) -> None:
        """Start the process, without waiting for it to serve."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.command, *arguments, env=self.environ, stderr=log
            )

    async def start(self, *arguments: str) -> None:
        """Start the process and wait until it tells systemd that it is ready."""
        notices = self.state_dir.parent / "notify"
        with suppress(FileNotFoundError):
            notices.unlink()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(str(notices))
            listener.setblocking(False)
            self.settings["NOTIFY_SOCKET"] = str(notices)
            await self.launch(*arguments)
            await self._until_ready(listener)

    async def _until_ready(self, listener: socket.socket) -> None:
        assert self._process is not None
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
            end = group.create_task(self._process.wait())
            while True:
                notice = group.create_task(loop.sock_recv(listener, 4096))
                await asyncio.wait({end, notice}, return_when=asyncio.FIRST_COMPLETED)
                if end.done():
                    notice.cancel()
                    raise AssertionError(f"ended with {end.result()}:\n{self.log}")
                if b"READY=1" in notice.result():
                    end.cancel()
                    return

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    async def kill(self) -> None:
        """kill -9, as the kernel or a power cut would."""
        self.signal(signal.SIGKILL)
        await self.wait()

    async def stop(self) -> int:
        """SIGTERM; return the exit status."""
        self.signal(signal.SIGTERM)
        return await self.wait()

    async def get(self, path: str) -> str:
        """Ask the operator's door."""
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.get(f"http://127.0.0.1:{self.http_port}{path}")).text

    async def wait(self) -> int:
        assert self._process is not None
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._process.wait()
        except TimeoutError:
            # It writes where it hangs (PYTHONFAULTHANDLER), and ends.
            self.signal(signal.SIGABRT)
            await self._process.wait()
            raise AssertionError(f"did not end:\n{self.log[-20_000:]}") from None

    def redis_of_its_own(self) -> Redis:
        """The server that its settings name."""
        return connect(self.settings["IMGBOT_REDIS_URL"])

    @asynccontextmanager
    async def redis(self) -> AsyncGenerator[Redis]:
        redis = connect(self.redis_url)
        try:
            yield redis
        finally:
            await redis.aclose()


def with_simulated_provider(sandbox: Place) -> dict[str, str]:
    """Settings that make the sandbox's provider the bot's."""
    return {
        "IMGBOT_PROVIDER": "simulated",
        "IMGBOT_PROVIDER_URL": f"{sandbox.url}/provider",
        "SIMULATED_API_KEY": KEY,
    }
