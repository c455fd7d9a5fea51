"""Load test run: a Telegram, a Redis, a folder and a bot of its own, and simulated users.

Nothing of the operator's is read or written: the token is the sandbox's, every port is one that
the kernel chooses, and all of it is removed when the run is over, however it ends.
"""

import asyncio
import http.client
import os
import random
import signal
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from imgbot.aio import cancel_and_wait_current, run_or_cancel_on
from imgbot.config.settings import MAX_WORKERS, workers_for
from imgbot.domain.errors import ConfigError, ImgbotError, TransientError, flatten
from imgbot.domain.texts import LANGUAGES, t
from imgbot.ops.doctor.guide import MOST_USERS
from imgbot.ops.resource_usage import ProcessGroup, ProcessUsage, ResourceUsage, usage_by_part
from imgbot.ops.service import scale
from imgbot.ops.status.indicators import Sample, take_sample
from imgbot.sandbox import bot_process
from imgbot.sandbox.load.orders import OrderLedger, reconcile
from imgbot.sandbox.load.plan import plan
from imgbot.sandbox.load.users import LoadUsers
from imgbot.sandbox.provider_tasks import TaskLedger
from imgbot.sandbox.server import Sandbox
from imgbot.storage.client import connect
from imgbot.storage.job_reads import JobReads
from imgbot.storage.server.process import RedisServer

_LINE_EVERY_S = 0.25
_USE_EVERY_S = 1.0
_TIMEOUT_S = 15.0
_MOST_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class ResourceSample:
    """Resource usage at one time; CPU time counts from the start of each process."""

    at_s: float
    parts: Mapping[ProcessGroup, ProcessUsage]
    test_cpu_s: float
    """Of this process: Telegram, the people and the provider."""

    @property
    def cpu_s(self) -> float:
        return sum(usage.cpu_s for usage in self.parts.values())

    @property
    def memory_bytes(self) -> int:
        return sum(usage.memory_bytes for usage in self.parts.values())


@dataclass(slots=True)
class ResourceMonitor:
    """Run it in a TaskGroup; `waiting_ids` says which jobs wait."""

    bot_pid: int
    redis_pid: Callable[[], int]
    waiting_ids: Callable[[], Awaitable[list[str]]]
    samples: list[ResourceSample] = field(default_factory=list[ResourceSample])
    queue_lengths: list[int] = field(default_factory=list[int])

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sample_forever())
            while True:
                with suppress(TransientError):
                    self.queue_lengths.append(len(await self.waiting_ids()))
                await asyncio.sleep(_LINE_EVERY_S)

    async def sample(self) -> None:
        self.samples.append(await asyncio.to_thread(self._take))

    async def _sample_forever(self) -> None:
        while True:
            await self.sample()
            await asyncio.sleep(_USE_EVERY_S)

    def _take(self) -> ResourceSample:
        parts = dict(usage_by_part(self.bot_pid))
        # Its Redis is this process's child, so that it can outlive the bot; alone, it is a root.
        parts[ProcessGroup.REDIS] = usage_by_part(self.redis_pid())[ProcessGroup.BOT]
        return ResourceSample(time.monotonic(), parts, time.process_time())


async def ask_metrics(url: str) -> Sample:
    """Ask the bot at `url` for its metrics. Raises OSError."""
    text = await asyncio.to_thread(_get, url)
    families = {metric.name: metric for metric in text_string_to_metric_families(text)}
    usage = ResourceUsage(
        cores=families["imgbot_cpu_cores"].samples[0].value,
        memory_limit_bytes=families["imgbot_memory_limit_bytes"].samples[0].value,
    )
    return take_sample(families.values(), usage, time.time(), time.monotonic())


def _get(url: str) -> str:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read(_MOST_BYTES).decode()
    except http.client.HTTPException as error:
        raise ConnectionError(f"{url}/metrics broke off: {error!r}") from error
    finally:
        connection.close()


BUILTIN = "builtin"
_LEAST_MINUTES = 0.05
_MOST_MINUTES = 24 * 60.0
_MOST_PICTURE_S = 600.0


@dataclass(frozen=True, slots=True)
class LoadTestOptions:
    """Options of the command line. Raises ConfigError, with the name of the argument."""

    users: Sequence[int] = (300,)
    workers: int | None = None
    minutes: float = 5.0
    provider: str = "simulated"
    picture_s: tuple[float, float] = (10.0, 30.0)
    is_resizing: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        if not all(1 <= users <= MOST_USERS for users in self.users):
            raise ConfigError("--users", f"write whole numbers from 1 to {MOST_USERS}")
        if self.workers is not None and not 1 <= self.workers <= MAX_WORKERS:
            raise ConfigError("--workers", f"write a whole number from 1 to {MAX_WORKERS}")
        if not _LEAST_MINUTES <= self.minutes <= _MOST_MINUTES:
            raise ConfigError(
                "--minutes", f"write minutes from {_LEAST_MINUTES:g} to {_MOST_MINUTES:.0f}"
            )
        low_s, high_s = self.picture_s
        if not 0 <= low_s <= high_s <= _MOST_PICTURE_S:
            raise ConfigError(
                "--picture-seconds", f"write the least and the most, {_MOST_PICTURE_S:.0f} at most"
            )

    def workers_of(self, users: int) -> int:
        return self.workers if self.workers is not None else workers_for(users)


_LOOK_AFTER_S = 5.0
_START_S = 120.0
_LOOK_S = 0.05
_DRAIN_S = 15.0
_SETTLE_S = 2.0
"""A picture that is shown twice is shown again within this."""

_LEAST_PATIENCE_S = 120.0
_LOG_LINES = 6
_RESIZE_EVERY_S = 2.0

PARTS, UNRESIZED, RESIZED = 3, 1, 2
"""Number of times the plan runs with `--resize`, and the index of each kind of run."""

Progress = Callable[[str], None]

PASSING = frozenset(
    t(language, key) for language in LANGUAGES for key in ("job_ready", "ready", "ready_without")
)
"""Messages beside a picture or a reason: before it, or as a notification after a long wait."""


class BotEndedError(ImgbotError):
    """The bot ended unexpectedly; the message has its last log lines."""


@dataclass(frozen=True, slots=True)
class LoadTestRun:
    """Everything measured in one run."""

    users: int
    workers: int
    ledger: OrderLedger
    before: Sample
    after: Sample
    samples: Sequence[ResourceSample]
    queue_lengths: Sequence[int]
    durations_s: dict[str, float] = field(default_factory=dict[str, float])
    """Provider time by job; empty where the provider does not know our jobs."""
    made_s: Sequence[float] = ()
    """The same of every picture that it made."""
    resizes: int = 0
    is_whole: bool = True


@dataclass(slots=True)
class LoadTestEnvironment:
    """Resources of one run, valid while `open_environment` is open."""

    sandbox: Sandbox
    bot: asyncio.subprocess.Process
    server: RedisServer
    monitor: ResourceMonitor
    environ: dict[str, str]
    log: Path

    @property
    def metrics_url(self) -> str:
        return self.environ["IMGBOT_PUBLIC_URL"]

    def tasks(self, provider: str) -> TaskLedger | None:
        """The ledger of the provider that the sandbox plays; None: the bot needs none."""
        played = bot_process.played_by(self.sandbox).get(provider)
        return played.ledger if played else None

    def last_log_lines(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_LOG_LINES:])


async def measure(
    options: LoadTestOptions, users: int, stop: asyncio.Event, tell: Progress
) -> LoadTestRun | None:
    """Run with so many users and return the measurements; None if stopped before the bot started.

    Raises BotEndedError.
    """
    tell(f"{users} users: starting the bot")
    async with open_environment(options, users) as environment:
        if await run_or_cancel_on(stop, until_serving(environment)) is None:
            return None
        try:
            return await under_load(environment, options, users, stop, tell)
        except (OSError, ExceptionGroup) as error:
            if not any(isinstance(leaf, OSError) for leaf in flatten(error)):
                raise
            # A broken connection to the bot is explained by how the bot ended.
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_AFTER_S):
                    await environment.bot.wait()
                raise _bot_ended(environment) from error
            raise


@asynccontextmanager
async def open_environment(
    options: LoadTestOptions, users: int
) -> AsyncGenerator[LoadTestEnvironment]:
    """Open everything that a run needs and start the bot; remove it all at the end."""
    async with AsyncExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="imgbot-load-")))
        sandbox = await closing.enter_async_context(Sandbox(bot_process.HOST, 0, page=False))
        _check_provider(sandbox, options.provider)
        server = await closing.enter_async_context(RedisServer(folder, port=0))
        redis = connect(server.url)
        closing.push_async_callback(redis.aclose)
        environ = bot_process.environment(sandbox, folder, options.provider) | {
            "IMGBOT_REDIS_URL": server.url,
            "IMGBOT_WORKERS": str(options.workers_of(users)),
        }
        log = folder / "bot.log"
        with log.open("wb") as file:
            bot = await bot_process.start(environ, file)
        closing.push_async_callback(_end, bot)
        monitor = ResourceMonitor(bot.pid, lambda: server.pid, JobReads(redis).waiting_ids)
        yield LoadTestEnvironment(sandbox, bot, server, monitor, environ, log)


def _check_provider(sandbox: Sandbox, provider: str) -> None:
    if provider not in (names := (BUILTIN, *bot_process.played_by(sandbox))):
        known = ", ".join(names)
        raise ConfigError("--provider", f"write one of {known}; none of them costs money")


async def until_serving(environment: LoadTestEnvironment) -> bool:
    """Wait for the bot's first getUpdates. Raises BotEndedError."""
    deadline_s = time.monotonic() + _START_S
    while not environment.sandbox.state.poller.is_active:
        if environment.bot.returncode is not None:
            raise _bot_ended(environment)
        if time.monotonic() > deadline_s:
            raise BotEndedError(f"the bot does not start:\n{environment.last_log_lines()}")
        await asyncio.sleep(_LOOK_S)
    return True


def _bot_ended(environment: LoadTestEnvironment) -> BotEndedError:
    return BotEndedError(
        f"the bot ended (status {environment.bot.returncode}):\n{environment.last_log_lines()}"
    )


async def under_load(
    environment: LoadTestEnvironment,
    options: LoadTestOptions,
    users: int,
    stop: asyncio.Event,
    tell: Progress,
) -> LoadTestRun:
    """Let the users send requests until all are answered, or `stop`. Raises BotEndedError."""
    tasks = environment.tasks(options.provider)
    if tasks is not None:
        tasks.change_settings({"duration_s": list(options.picture_s)})
    patience_s = max(_LEAST_PATIENCE_S, 4 * options.picture_s[1])
    simulated_users = LoadUsers(environment.sandbox.state, users, PASSING, patience_s)
    await simulated_users.gather(_photos())
    before = await ask_metrics(environment.metrics_url)
    test = _Plan(environment, options, users, simulated_users)
    is_whole = await _run_plan(environment, test, stop, tell)
    simulated_users.look_for_late()
    if environment.bot.returncode is not None:
        raise _bot_ended(environment)
    await environment.monitor.sample()
    after = await ask_metrics(environment.metrics_url)
    charges = tasks.charges if tasks is not None else None
    return LoadTestRun(
        users=users,
        workers=options.workers_of(users),
        ledger=reconcile(
            simulated_users.orders,
            environment.sandbox.state.chats,
            charges,
            PASSING,
            is_whole=is_whole,
        ),
        before=before,
        after=after,
        samples=environment.monitor.samples,
        queue_lengths=environment.monitor.queue_lengths,
        resizes=test.resizes,
        is_whole=is_whole,
        **_durations(tasks),
    )


class _Plan:
    """The plan, run once; with resizing three times: to warm up, without it, and with it.

    The bot learns how long pictures take, so the first run is not comparable.
    """

    def __init__(
        self,
        environment: LoadTestEnvironment,
        options: LoadTestOptions,
        users: int,
        simulated_users: LoadUsers,
    ) -> None:
        self._environment = environment
        self._users = users
        self._workers = options.workers_of(users)
        self._seed = options.seed
        self._parts = PARTS if options.is_resizing else 1
        self.simulated_users = simulated_users
        self.duration_s = options.minutes * 60
        self.resizes = 0

    async def run(self) -> bool:
        for part in range(self._parts):
            # The same orders each time, and the provider takes as long for them: what differs is
            # the resizing alone.
            random.seed(self._seed)
            rng = random.Random(self._seed)  # noqa: S311
            scenarios = plan(self._users, self.duration_s / self._parts, rng)
            async with asyncio.TaskGroup() as group:
                resizing = [group.create_task(self._resize())] if part == RESIZED else []
                await self.simulated_users.run(scenarios, part)
                await cancel_and_wait_current(*resizing)
        await asyncio.sleep(_SETTLE_S)
        return True

    def __str__(self) -> str:
        users = self.simulated_users
        return f"{self._users} users: {len(users.orders)} orders, {users.answered} answered"

    async def _resize(self) -> None:
        send, environ = self._environment.bot.send_signal, self._environment.environ
        async for _ in _resize_forever(send, environ, self._workers):
            self.resizes += 1


async def _run_plan(
    environment: LoadTestEnvironment, test: _Plan, stop: asyncio.Event, tell: Progress
) -> bool:
    """Run the plan and monitor resources; False if it was interrupted."""
    async with asyncio.TaskGroup() as group:
        watching = [
            group.create_task(environment.monitor.run()),
            group.create_task(environment.server.watch()),
            group.create_task(_report_progress(test, tell)),
            # A bot that has ended answers nobody: do not wait for it.
            group.create_task(_stop_at_end(environment.bot, stop)),
        ]
        is_whole = await run_or_cancel_on(stop, test.run()) is not None
        await cancel_and_wait_current(*watching)
    return is_whole


async def _stop_at_end(bot: asyncio.subprocess.Process, stop: asyncio.Event) -> None:
    await bot.wait()
    stop.set()


async def _report_progress(test: _Plan, tell: Progress) -> None:
    clock = asyncio.get_running_loop().time
    begun_s = clock()
    while True:
        tell(f"{test}, {clock() - begun_s:.0f} s of {test.duration_s:.0f} s")
        await asyncio.sleep(1)


def _durations(provider: TaskLedger | None) -> dict[str, Any]:
    if provider is None:
        return {}
    made = [task for task in provider.tasks if task.failure is None]
    names = ((task.order.client_id.partition("-")[2], task.duration_s) for task in made)
    by_job = {job_id: duration_s for job_id, duration_s in names if job_id}
    return {"durations_s": by_job, "made_s": [task.duration_s for task in made]}


def _photos() -> list[Path]:
    folder = resources.files("imgbot.ops.loadtest") / "photos"
    return [Path(str(folder / name)) for name in ("create.jpg", "edit.jpg", "merge.jpg")]


async def _end(bot: asyncio.subprocess.Process) -> None:
    """Stop the bot; its state is not needed, so the wait is short."""
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


def _discard(_line: str) -> None:
    """Sink for what `scale` prints."""


async def _resize_forever(
    send: Callable[[int], None], environ: Mapping[str, str], workers: int
) -> AsyncGenerator[int]:
    """Resize the pool in every way an operator has; yield after each resize.

    One round: up and down by signals, to half and back by `imgbot scale`.
    """
    settings = {"IMGBOT_STATE_DIR": environ["IMGBOT_STATE_DIR"]}
    half = max(1, workers // 2)
    while True:
        for act in (signal.SIGTTIN, signal.SIGTTIN, half, signal.SIGTTOU, workers):
            if isinstance(act, signal.Signals):
                send(act)
            else:
                await asyncio.to_thread(scale, act, settings, _discard)
            yield int(act)
            await asyncio.sleep(_RESIZE_EVERY_S)
