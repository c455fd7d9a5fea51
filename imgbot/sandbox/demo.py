"""`imgbot demo`: a private Telegram, the bot on it, and a chat page.

The sandbox lives in this process and the bot in a child process: when the bot is killed it is
started again and resumes its jobs. Both end together.
"""

import asyncio
import itertools
import os
import signal
import sys
import tempfile
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom

import uvloop

from imgbot.domain.errors import EX_CONFIG
from imgbot.sandbox import bot_process
from imgbot.sandbox.server import SPEECH, Sandbox
from imgbot.sandbox.state import FIRST_USER_ID

_RESTART_S = 0.5
_RESTARTS = 100
_LOOK_S = 0.05
_TRIED = (
    *("IMGBOT_STARS", "IMGBOT_GUARD", "IMGBOT_CHAT", "IMGBOT_CHAT_KEY", "IMGBOT_CHECK"),
    *("IMGBOT_SPEECH", "IMGBOT_SPEECH_KEY"),
)
"""Settings of the operator that can be tried; admins pay nothing."""
_STATUS_PORTS = range(8081, 8090)
"""Ports beside the usual one at which `imgbot status` looks for a bot."""


@dataclass(frozen=True, slots=True)
class _Stop:
    """Ctrl-C handler: the first one asks the bot to drain, the second one ends it at once."""

    soon: asyncio.Event = field(default_factory=asyncio.Event)
    now: asyncio.Event = field(default_factory=asyncio.Event)

    def press(self) -> None:
        (self.now if self.soon.is_set() else self.soon).set()


def run_demo(port: int, provider: str, kill_after_s: float | None = None) -> int:
    """Run until Ctrl-C; return the exit status."""
    try:
        return uvloop.run(_demo(port, provider, kill_after_s))
    except KeyboardInterrupt:
        return 0


async def _demo(port: int, provider: str, kill_after_s: float | None) -> int:
    stop = _Stop()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.press)
    async with AsyncExitStack() as closing:
        state_dir = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="imgbot-demo-")))
        try:
            sandbox = await closing.enter_async_context(Sandbox(bot_process.HOST, port))
        except OSError as error:
            print(f"imgbot: --port {port}: {os.strerror(error.errno or 0)}", file=sys.stderr)
            return 1
        environ = _environment(sandbox, state_dir, provider)
        return await _keep_running(environ, sandbox, stop, kill_after_s)


def _environment(sandbox: Sandbox, state_dir: Path, provider: str) -> dict[str, str]:
    # Another demo that starts at this moment tries them in another order.
    ports = SystemRandom().sample(_STATUS_PORTS, len(_STATUS_PORTS))
    return bot_process.environment(sandbox, state_dir, provider, ports) | {
        # The first user of the page is an admin, so /stats and the like can be tried too.
        "IMGBOT_ADMINS": str(FIRST_USER_ID),
        "IMGBOT_SPEECH": f"{sandbox.url}{SPEECH} simulated",
        **{name: os.environ[name] for name in _TRIED if os.environ.get(name)},
        "IMGBOT_LOG_LEVEL": os.environ.get("IMGBOT_LOG_LEVEL", "warning"),
    }


async def _keep_running(
    environ: dict[str, str], sandbox: Sandbox, stop: _Stop, kill_after_s: float | None
) -> int:
    is_announced, loop = False, asyncio.get_running_loop()
    for _ in itertools.count() if kill_after_s else range(_RESTARTS):
        bot = await bot_process.start(environ)
        if not is_announced:
            is_announced = await _is_serving(sandbox, bot, stop)
            if is_announced:
                _announce(sandbox, environ)
        kill = loop.call_later(kill_after_s, _kill, bot) if kill_after_s else None
        status = await _ended(bot, stop)
        if kill:
            kill.cancel()
        if stop.soon.is_set() or status == EX_CONFIG:
            return 0 if stop.soon.is_set() else EX_CONFIG
        print(f"imgbot demo: the bot ended (status {status}); starting it again", flush=True)
        await asyncio.sleep(_RESTART_S)
    return 1


def _announce(sandbox: Sandbox, environ: dict[str, str]) -> None:
    """Print where the demo is, and which settings of the operator it has."""
    print(f"imgbot demo: open {sandbox.url} and chat (Ctrl-C ends it)")
    # As it was typed: a newcomer's shell does not know `imgbot` alone.
    shell = f"{sys.argv[0]} status" if sys.argv[0].endswith("imgbot") else "imgbot status"
    page = environ["IMGBOT_PUBLIC_URL"]
    print(f"imgbot demo: its status: {page}, or in a terminal: {shell}", flush=True)
    if tried := [name for name in _TRIED if os.environ.get(name)]:
        print(f"imgbot demo: with your {', '.join(tried)}", flush=True)


def _kill(bot: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        bot.kill()


async def _is_serving(sandbox: Sandbox, bot: asyncio.subprocess.Process, stop: _Stop) -> bool:
    """Wait for the bot's first getUpdates; return False if the bot ends before."""
    while not (sandbox.state.updates.is_polled or stop.soon.is_set()) and bot.returncode is None:  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_S)  # no one event says all three
    return sandbox.state.updates.is_polled


async def _ended(bot: asyncio.subprocess.Process, stop: _Stop) -> int:
    """Wait until the bot ends, by itself or by a signal."""
    async with asyncio.TaskGroup() as group:
        end = group.create_task(bot.wait())
        for event, signal_bot in ((stop.soon, bot.terminate), (stop.now, bot.kill)):
            pressed = group.create_task(event.wait())
            await asyncio.wait({end, pressed}, return_when=asyncio.FIRST_COMPLETED)
            pressed.cancel()
            if not end.done():
                with suppress(ProcessLookupError):
                    signal_bot()
    return end.result()
