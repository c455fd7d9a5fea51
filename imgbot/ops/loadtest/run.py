"""Load test run: a Telegram, a Redis, a folder and a bot of its own, and simulated users.

Nothing of the operator's is read or written: the token is the sandbox's, every port is one that
the kernel chooses, and all of it is removed when the run is over, however it ends.
"""

import asyncio
import itertools
import logging
import os
import random
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from imgbot.aio import cancel_and_wait_current, run_or_cancel_on
from imgbot.config.settings import workers_for
from imgbot.domain.errors import ConfigError, ImgbotError, TransientError
from imgbot.domain.texts import LANGUAGES, t
from imgbot.ops.resource_usage import ProcessGroup, ProcessUsage, usage_by_part
from imgbot.ops.status.indicators import Histogram, histograms
from imgbot.sandbox import bot_process
from imgbot.sandbox.faults import Fault
from imgbot.sandbox.load_orders import LoadOrder, OrderOutcome, wrong_charges
from imgbot.sandbox.load_users import USUAL_EVERY_S, LoadUsers
from imgbot.sandbox.provider_tasks import TaskLedger
from imgbot.sandbox.server import Sandbox
from imgbot.storage.client import connect
from imgbot.storage.job_queue import JobQueue, QueueLimits
from imgbot.storage.server import process
from imgbot.storage.server.process import RedisServer

BUILTIN = "builtin"
LOST_ANSWERS, KILL, KILL_REDIS = "lost-answers", "kill", "kill-redis"
FAULTS = (LOST_ANSWERS, KILL, KILL_REDIS)
PASSING = frozenset(
    t(language, key)
    for language in LANGUAGES
    for key in ("job_ready", "ready", "ready_without", "accepted_short")
)
"""Texts beside a picture or a reason: before it, or as a notification after a long wait."""

_SAMPLE_EVERY_S = 1.0
_TIMEOUT_S = 15.0
_START_S = 120.0
_LOOK_S = 0.05
_DRAIN_S = 15.0
_SETTLE_S = 2.0
"""A picture that is shown twice is shown again within this."""
_LEAST_PATIENCE_S = 120.0
_LOG_LINES = 6
_PHOTOS = sorted((Path(__file__).parent / "photos").glob("*.jpg"))
_LOST_METHODS = ("editMessageMedia", "getUpdates", "editMessageText", "answerCallbackQuery")

ReportLine = Callable[[str], None]


class BotEndedError(ImgbotError):
    """The bot ended unexpectedly; the message has its last log lines."""


@dataclass(frozen=True, slots=True)
class LoadTestOptions:
    """Options of the command line. Raises ConfigError, with the name of the argument."""

    users: Sequence[int] = (300,)
    workers: int | None = None
    minutes: float = 5.0
    provider: str = "simulated"
    picture_s: Sequence[float] = (10.0, 30.0)
    faults: Sequence[str] = ()
    seed: int = 1
    order_every_s: float = USUAL_EVERY_S
    """Mean time between the orders of a user."""
    kill_every_s: float = 20.0
    lost_every_s: float = 2.0

    def __post_init__(self) -> None:
        if self.picture_s[0] > self.picture_s[1]:
            raise ConfigError("--picture-seconds", "write the least and the most")
        if not set(self.faults) <= set(FAULTS):
            raise ConfigError("--faults", f"write some of {', '.join(FAULTS)}")

    def workers_of(self, users: int) -> int:
        return self.workers if self.workers is not None else workers_for(users)


@dataclass(frozen=True, slots=True)
class LoadSample:
    """Usage and load at one time; CPU time counts from the start of the run."""

    at_s: float
    parts: Mapping[ProcessGroup, ProcessUsage]
    test_cpu_s: float
    """Of this process: Telegram, the users and the provider."""
    waiting: int

    @property
    def memory_bytes(self) -> int:
        return sum(usage.memory_bytes for usage in self.parts.values())


@dataclass(frozen=True, slots=True)
class LoadTestRun:
    """Everything measured in one run."""

    users: int
    workers: int
    outcomes: Mapping[LoadOrder, OrderOutcome]
    wrong_charges: int
    charges: int
    samples: Sequence[LoadSample]
    lags: Sequence[Histogram]
    """Event loop lag of each life of the bot."""
    made_s: Sequence[float]
    """Time of the provider for each picture that it made."""
    flood_waits: int
    """Calls that Telegram refused with 429."""
    kills: int
    lost_answers: int
    """Calls that Telegram did and did not answer."""
    is_whole: bool


@dataclass(slots=True)
class LoadTest:
    """Everything that one run needs; `async with` starts the bot, and removes it all at the end."""

    options: LoadTestOptions
    users: int
    kills: int = 0
    lost_answers: int = 0
    _is_killing: bool = False
    _samples: list[LoadSample] = field(default_factory=list[LoadSample])
    _lags: list[Histogram] = field(default_factory=list[Histogram])
    _ended_cpu_s: dict[ProcessGroup, float] = field(default_factory=dict[ProcessGroup, float])
    """Of the lives of the bot that were killed."""
    _closing: AsyncExitStack = field(default_factory=AsyncExitStack)
    sandbox: Sandbox = field(init=False)
    simulated: LoadUsers = field(init=False)
    tasks: TaskLedger | None = field(init=False)
    """Ledger of the simulated provider; None with the built-in engine."""
    _bot: asyncio.subprocess.Process = field(init=False)
    _server: RedisServer = field(init=False)
    _jobs: JobQueue = field(init=False)
    _environ: dict[str, str] = field(init=False)
    _log: Path = field(init=False)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as closing:
            options, enter = self.options, closing.enter_async_context
            folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="imgbot-load-")))
            self.sandbox = await enter(Sandbox(bot_process.HOST, 0, page=False))
            provider = self.sandbox.providers.get(options.provider)
            self.tasks = provider.ledger if provider else None
            if self.tasks:
                self.tasks.change_settings({"duration_s": list(options.picture_s)})
            patience_s = max(_LEAST_PATIENCE_S, 4 * options.picture_s[1])
            self.simulated = LoadUsers(self.sandbox.state, PASSING, patience_s)
            self.simulated.has_marks = self.tasks is not None
            self.simulated.loses_answers = LOST_ANSWERS in options.faults
            await self.simulated.gather(self.users, options.seed, _PHOTOS)
            self._server = await enter(RedisServer(folder, port=0))
            redis = connect(self._server.url)
            closing.push_async_callback(redis.aclose)
            self._jobs = JobQueue(redis, QueueLimits())
            self._environ = bot_process.environment(self.sandbox, folder, options.provider) | {
                "IMGBOT_REDIS_URL": self._server.url,
                "IMGBOT_WORKERS": str(options.workers_of(self.users)),
            }
            self._log = folder / "bot.log"
            await self._start_bot()
            closing.push_async_callback(self._end_bot)
            self._closing = closing.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._closing.aclose()

    async def run(self, stop: asyncio.Event, report: ReportLine) -> LoadTestRun | None:
        """Let the users order until all are answered, or `stop`; None if that came before.

        Raises BotEndedError.
        """
        async with asyncio.TaskGroup() as group:
            ended = group.create_task(self._keep_running())
            is_whole = None
            if await run_or_cancel_on(stop, self._until_serving()):
                await self._read_lag()
                is_whole = await run_or_cancel_on(stop, self._under_load(report))
                await self._sample()
                await self._read_lag()
            await cancel_and_wait_current(ended)
        return self._measured(is_whole=bool(is_whole)) if self._samples else None

    async def _under_load(self, report: ReportLine) -> bool:
        random.seed(self.options.seed)
        beside: list[Coroutine[Any, Any, None]] = [
            self._every(_SAMPLE_EVERY_S, self._sample),
            self._server.watch(),
            self._every(1.0, self._show_progress, report, asyncio.get_running_loop().time()),
        ]
        if LOST_ANSWERS in self.options.faults:
            beside.append(self._lose_answers())
        if KILL in self.options.faults:
            beside.append(self._while_ordering(self._kill))
        if KILL_REDIS in self.options.faults:
            beside.append(self._while_ordering(self._kill_redis))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in beside]
            await self.simulated.run(self.options.minutes * 60, self.options.order_every_s)
            await asyncio.sleep(_SETTLE_S)
            await cancel_and_wait_current(*tasks)
        return True

    def _measured(self, *, is_whole: bool) -> LoadTestRun:
        self.simulated.look_at_all()
        outcomes = {
            order: order.outcome(PASSING, is_whole=is_whole) for order in self.simulated.orders
        }
        charges = self.tasks.charges if self.tasks else []
        made = [task for task in self.tasks.tasks if task.failure is None] if self.tasks else []
        return LoadTestRun(
            users=self.users,
            workers=self.options.workers_of(self.users),
            outcomes=outcomes,
            wrong_charges=wrong_charges(outcomes, charges, PASSING) if charges else 0,
            charges=len(charges),
            samples=self._samples,
            lags=[
                after - before
                for before, after in zip(self._lags[::2], self._lags[1::2], strict=False)
            ],
            made_s=[task.duration_s for task in made],
            flood_waits=self.sandbox.state.calls.refusals[429],
            kills=self.kills,
            lost_answers=self.lost_answers,
            is_whole=is_whole,
        )

    # The bot

    async def _start_bot(self) -> None:
        with self._log.open("ab") as file:
            self._bot = await bot_process.start(self._environ, file)

    async def _keep_running(self) -> None:
        """Start the bot again when it was killed; raise BotEndedError when it ends by itself."""
        while True:
            status = await self._bot.wait()
            if not self._is_killing:
                raise BotEndedError(f"the bot ended (status {status}):\n{self._last_log_lines()}")
            self._is_killing = False
            await self._start_bot()

    async def _until_serving(self) -> bool:
        """Wait for the bot's first getUpdates. Raises BotEndedError."""
        try:
            async with asyncio.timeout(_START_S):
                while not self.sandbox.state.updates.is_polled:  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            lines = self._last_log_lines()
            raise BotEndedError(f"the bot does not start:\n{lines}") from None
        return True

    async def _kill(self) -> None:
        """Kill the bot and its workers as the kernel would, after a while."""
        await asyncio.sleep(self.options.kill_every_s)
        await self._read_lag()
        await self._sample()
        killed = self._bot
        for group, usage in self._samples[-1].parts.items():
            self._ended_cpu_s[group] = usage.cpu_s
        self._is_killing = True
        os.killpg(killed.pid, signal.SIGKILL)
        self.kills += 1
        while self._bot is killed:  # noqa: ASYNC110 the other task restarts it
            await asyncio.sleep(_LOOK_S)
        await self._read_lag()

    async def _end_bot(self) -> None:
        """Stop the bot; its state is not needed, so the wait is short."""
        bot = self._bot
        if bot.returncode is None:
            with suppress(ProcessLookupError):
                bot.send_signal(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_S):
                await bot.wait()
        # It leads a group of its own, and its workers are in it.
        with suppress(ProcessLookupError):
            os.killpg(bot.pid, signal.SIGKILL)
        await bot.wait()

    def _last_log_lines(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_LOG_LINES:])

    # Measuring

    async def _sample(self) -> None:
        used = await asyncio.to_thread(usage_by_part, self._bot.pid)
        # Its Redis is this process's child, so that it can outlive the bot; alone, it is a root.
        redis = (await asyncio.to_thread(usage_by_part, self._server.pid))[ProcessGroup.BOT]
        parts = {
            group: ProcessUsage(
                usage.processes,
                usage.cpu_s + self._ended_cpu_s.get(group, 0.0),
                usage.memory_bytes,
            )
            for group, usage in used.items()
        } | {ProcessGroup.REDIS: redis}
        now_s = asyncio.get_running_loop().time()
        with suppress(TransientError):
            waiting = len(await self._jobs.waiting_ids())
            self._samples.append(LoadSample(now_s, parts, time.process_time(), waiting))

    async def _read_lag(self) -> None:
        """Read the lag as soon as the bot answers: when a life begins, and when it ends."""
        async with asyncio.timeout(_START_S):
            while True:
                with suppress(OSError):
                    self._lags.append(await read_loop_lag(self._environ["IMGBOT_PUBLIC_URL"]))
                    return
                await asyncio.sleep(_LOOK_S)

    async def _show_progress(self, report: ReportLine, begun_s: float) -> None:
        users, now_s = self.simulated, asyncio.get_running_loop().time()
        report(
            f"{self.users} users: {len(users.orders)} orders, {users.answered} answered,"
            f" {now_s - begun_s:.0f} s of {self.options.minutes * 60:.0f} s"
        )

    @staticmethod
    async def _every(seconds: float, act: Callable[..., Awaitable[None]], *given: Any) -> None:
        while True:
            await act(*given)
            await asyncio.sleep(seconds)

    # Faults

    async def _while_ordering(self, kill: Callable[[], Awaitable[None]]) -> None:
        """Kill again and again, but let a slow machine answer what was ordered."""
        end_s = time.monotonic() + self.options.minutes * 60
        while time.monotonic() < end_s:
            await kill()

    async def _lose_answers(self) -> None:
        """Let Telegram act on a call now and then, and cut the connection before its answer."""
        for method in itertools.cycle(_LOST_METHODS):
            await asyncio.sleep(self.options.lost_every_s)
            if not len(self.sandbox.state.faults):
                self.sandbox.state.faults.add(Fault(method=method, kind="drop_after"))
                self.lost_answers += 1

    async def _kill_redis(self) -> None:
        """Kill Redis after a while, between two kills of the bot; it is started again."""
        logging.getLogger(process.__name__).setLevel(logging.ERROR)
        await asyncio.sleep(self.options.kill_every_s * 1.7)
        if pid := self._server.pid:
            os.kill(pid, signal.SIGKILL)
            self.kills += 1


async def read_loop_lag(url: str) -> Histogram:
    """Read the lag of the bot's event loop from its metrics. Raises OSError."""
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"{url}/metrics") as answer,
        ):
            text = await answer.text()
    except aiohttp.ClientError as error:
        raise ConnectionError(f"{url}/metrics broke off: {error!r}") from error
    found = text_string_to_metric_families(text)
    lags = histograms(each for each in found if each.name == "imgbot_event_loop_lag_seconds")
    return lags.get("", Histogram())
