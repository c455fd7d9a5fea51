"""`imgbot demo`, started as a person starts it."""

import asyncio
import contextlib
import os
import re
import signal
import sys
import tempfile
from pathlib import Path
from typing import Self

from imgbot.sandbox.bot_process import free_port
from tests.fixtures.processes import children_of
from tests.fixtures.waiting import PATIENCE_S


class Demo:
    """The process, the address it told, and everything it started."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | None = None
        # Its own, so that what it leaves behind is seen; short, as sockets' paths must be.
        self._folder = tempfile.TemporaryDirectory(prefix="demo-")
        self._log = Path(self._folder.name) / "log"
        self.temporary = Path(self._folder.name) / "tmp"
        self.url = self.status_url = ""

    async def __aenter__(self) -> Self:
        self.temporary.mkdir()
        environ = os.environ | {"TMPDIR": str(self.temporary)}
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "imgbot", "demo", "--port", str(free_port())),
                *self._arguments,
                env=environ,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        try:
            self.url, self.status_url = [await self._told_address() for _ in range(2)]
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end()

    async def says(self, words: str) -> None:
        """Wait until it prints a line with these words."""
        assert self._process is not None
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while words not in (line := (await self._process.stdout.readline()).decode()):
                assert line, f"it ended without {words!r}\n{self.log}"

    async def _told_address(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            line = (await self._process.stdout.readline()).decode()
        found = re.search(r"http://[\d.]+:\d+", line)
        assert found, f"no address in {line!r}\n{self.log}"
        return found[0]

    async def _end(self) -> None:
        """Kill it and all that it started: how it ends by itself is a test of its own."""
        assert self._process is not None
        family = self.family()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        for pid in _still_there(family):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await self._process.wait()
        self._folder.cleanup()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What it wrote to stderr."""
        return self._log.read_text()

    def family(self) -> dict[int, str]:
        """Every process that the demo has started, with its command line."""
        return children_of(self.pid)

    @property
    def bot_pid(self) -> int:
        [pid] = [pid for pid, line in self.family().items() if line.endswith("-m\0imgbot\0")]
        return pid

    async def interrupt(self) -> int:
        """Ctrl-C; return the exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        async with asyncio.timeout(PATIENCE_S):
            return await self._process.wait()


def _still_there(family: dict[int, str]) -> dict[int, str]:
    """Those of the processes that have not ended."""
    found: dict[int, str] = {}
    for pid, line in family.items():
        with contextlib.suppress(OSError):
            # A number may have gone to another process meanwhile.
            if (Path("/proc") / str(pid) / "cmdline").read_text() == line:
                found[pid] = line
    return found
