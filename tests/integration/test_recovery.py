"""An order whose answer was lost: found, repeated safely, or stopped; never paid twice."""

import asyncio
import functools
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

import pytest

from imgbot.bot.handlers.account import CANCELLED
from imgbot.domain.errors import (
    ChatGoneError,
    ProviderError,
    ProviderErrorKind as Kind,
    TransientError,
)
from imgbot.domain.job import Job, State, is_billed, is_paid, with_changes
from imgbot.domain.operations import Operation
from imgbot.domain.order_pace import OrderLimit
from imgbot.domain.poll_schedule import Budget, PollingConfig
from imgbot.domain.retry import SUBMIT_ATTEMPTS
from imgbot.jobs.context import ProviderSlots, StepContext
from imgbot.jobs.outcomes import Snooze
from imgbot.jobs.poll_scheduler import PollScheduler
from imgbot.jobs.provider_routing import ProviderRouter
from imgbot.jobs.step_table import take_step
from imgbot.jobs.submit import submit
from imgbot.jobs.webhooks import Webhooks
from imgbot.providers.factory import BuiltinProvider
from imgbot.providers.protocol import (
    Accepted,
    Cancelled,
    Capability,
    Done,
    GenerationRequest,
    Output,
    Recovery,
)
from imgbot.sandbox.simulated_provider import SPEC_FILE
from imgbot.storage.client import Client
from imgbot.storage.installation import bind_to_bot
from imgbot.storage.job_queue import JobQueue, QueueLimits
from imgbot.storage.provider_records import Durations, OrderPaces
from imgbot.storage.users import UserStore
from imgbot.telemetry.metrics import REGISTRY
from tests.fixtures.jobs import job_of
from tests.fixtures.requests import simulated_provider
from tests.fixtures.sandbox import Control, open_sandbox
from tests.fixtures.steps import take

NOW = 1_800_000_000_000


@pytest.fixture
async def control() -> AsyncIterator[Control]:
    async with open_sandbox() as (_, control):
        yield control


def tools_of(
    queue: JobQueue, redis: Client, routes: ProviderRouter, folder: Path, installation: str
) -> StepContext:
    """What ordering needs, and nothing that comes after it."""
    unused = cast("Any", None)
    return StepContext(
        queue=queue,
        installation=installation,
        results=unused,
        users=UserStore(redis),
        originals=unused,
        routing=routes,
        slots=ProviderSlots(),
        webhooks=Webhooks("", b"key", queue, routes, lambda: NOW),
        alarm=asyncio.Event(),
        pool=unused,
        status_messages=cast("Any", AsyncMock()),
        messenger=unused,
        download=unused,
        poll_scheduler=PollScheduler(
            PollingConfig(), Budget(lambda: 100.0), Durations(redis), lambda: 0.0
        ),
        paces=OrderPaces(redis),
        folder=folder,
        now_ms=lambda: NOW,
        age_ms=lambda since_ms: NOW - since_ms,
        draining=asyncio.Event(),
    )


@dataclass(frozen=True, slots=True)
class QueueSetup:
    """A queue with its routes to the sandbox's provider, and what that has charged."""

    redis: Client
    control: Control
    folder: Path

    async def order(
        self,
        recovery: Recovery = Recovery.NONE,
        mark: str = "",
        *,
        is_adopted: bool = False,
        announced: Exception | None = None,
    ) -> Job:
        """Take a job from its claim as far as ordering takes it."""
        queue = await open_queue(self.redis)
        installation = await bind_to_bot(self.redis, 1)
        claimed = await claimed_job(queue, f"a fox [[sim:{mark}]]" if mark else "a fox")
        provider = simulated_provider(self.control.url, recovery)
        routes = ProviderRouter({provider.name: provider}, {Operation.CREATE: provider.name})
        if is_adopted:
            claimed = await queue.move(claimed, State.SUBMITTING, submit_ms=NOW)
        try:
            tools = tools_of(queue, self.redis, routes, self.folder, installation)
            cast("AsyncMock", tools.status_messages.ensure).side_effect = announced
            return await take(submit, tools, claimed)
        finally:
            await routes.aclose()

    async def charges(self) -> int:
        return len((await self.control.provider())["ledger"])


@pytest.fixture
def setup(redis: Client, control: Control, tmp_path: Path) -> QueueSetup:
    return QueueSetup(redis, control, tmp_path)


async def open_queue(redis: Client) -> JobQueue:
    queue = JobQueue(redis, QueueLimits())
    await queue.open_epoch()
    return queue


async def claimed_job(queue: JobQueue, prompt: str = "a fox", job_id: str = "7") -> Job:
    job = job_of(job_id, 1, 1, Operation.CREATE, "en", prompt=prompt)
    await queue.enqueue(job, NOW)
    claimed = await queue.claim(NOW)
    assert claimed is not None
    return claimed


@pytest.mark.parametrize("recovery", [Recovery.REPEAT, Recovery.LOOK_UP])
async def test_a_lost_answer_is_found_out_by_each_bot_at_a_provider(
    setup: QueueSetup, recovery: Recovery
) -> None:
    await setup.control.set_provider(idempotency=recovery is Recovery.REPEAT)

    tickets: list[object] = []
    for _ in range(2):
        await setup.redis.flushall()
        job = await setup.order(recovery, "drop_after_accept")
        assert job.state is State.POLLING
        tickets.append(job.progress.ticket["id"])

    assert len(set(tickets)) == 2
    assert await setup.charges() == 2


@pytest.mark.parametrize(
    ("mark", "is_adopted", "end", "is_paid", "charges"),
    [
        ("drop_after_accept", False, (State.DELIVERING, State.DEAD, "submit_unknown"), True, 1),
        ("", True, (State.DELIVERING, State.DEAD, "submit_unknown"), True, 0),
        ("429=1", False, (State.SUBMITTING, "", ""), False, 0),
        ("402", False, (State.DELIVERING, State.FAILED, "provider_closed"), False, 0),
    ],
    ids=["lost", "adopted", "refused for now", "refused"],
)
async def test_a_job_whose_submit_is_unknown_stops_and_a_refused_one_costs_nothing(
    setup: QueueSetup,
    mark: str,
    end: tuple[State, State | str, str],
    charges: int,
    *,
    is_adopted: bool,
    is_paid: bool,
) -> None:
    await setup.control.set_provider(idempotency=False, lookup=False)

    job = await setup.order(mark=mark, is_adopted=is_adopted)

    assert (job.state, job.progress.outcome or "", job.progress.reason) == end
    assert is_billed(job) is is_paid
    assert await setup.charges() == charges
    if job.state is State.SUBMITTING:
        assert (job.progress.submit_ms, job.progress.tries) == (0, 1)
    elif not is_adopted:
        assert job.progress.provider == "simulated"


async def test_a_job_cancelled_before_its_order_is_neither_ordered_nor_billed(
    setup: QueueSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = JobQueue.claim

    async def claim_and_cancel(queue: JobQueue, now_ms: int) -> Job | None:
        job = await claim(queue, now_ms)
        await queue.cancel("7", 1, now_ms)
        return job

    monkeypatch.setattr(JobQueue, "claim", claim_and_cancel)
    job = await setup.order()

    assert (job.state, job.is_cancelled, is_billed(job)) == (State.SUBMITTING, True, False)
    assert await setup.charges() == 0


@pytest.mark.parametrize(
    ("took_s", "price_micro", "is_free_if_cancelled", "end", "is_counted"),
    [
        (0, 40_000, False, (State.RENDERING, None), True),
        (60, 40_000, False, (State.DELIVERING, State.CANCELLED), True),
        (60, 40_000, True, (State.DELIVERING, State.CANCELLED), False),
        (0, 0, False, (State.DELIVERING, State.CANCELLED), False),
    ],
    ids=["too late", "billed all the same", "not billed", "free"],
)
async def test_an_ordered_job_that_is_cancelled_goes_on_unless_that_saves_its_price(
    setup: QueueSetup,
    took_s: float,
    price_micro: int,
    end: tuple[State, State | None],
    *,
    is_free_if_cancelled: bool,
    is_counted: bool,
) -> None:
    await setup.control.set_provider(duration_s=[took_s, took_s])
    spec, billed = setup.folder / "simulated.toml", 'equals = ["cancelled"]\nkind = "failed"\n'
    rules = SPEC_FILE.read_text()
    assert billed in rules
    if is_free_if_cancelled:
        rules = rules.replace(f"{billed}billed = true", f"{billed}billed = false")
    spec.write_text(rules)
    provider = simulated_provider(setup.control.url, Recovery.NONE, spec)
    routes = ProviderRouter({provider.name: provider}, {Operation.CREATE: provider.name})
    queue = await open_queue(setup.redis)
    tools = tools_of(queue, setup.redis, routes, setup.folder, "here")

    job = await take(submit, tools, await claimed_job(queue))
    job = await queue.move(job, State.POLLING, price_micro=price_micro)
    assert await queue.cancel("7", 1, NOW) == "ok"
    job = with_changes(job, is_cancelled=True)
    while job.state is State.POLLING:
        job = await take(take_step, tools, job)
    await routes.aclose()

    assert (job.state, job.progress.outcome) == end
    assert is_paid(job) is is_counted
    assert (job.request.note == "cancelled_late") is (price_micro > 0)
    assert not (job.is_cancelled and price_micro)


async def test_a_second_cancellation_says_only_that_the_first_was_too_late(
    setup: QueueSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    await setup.control.set_provider(duration_s=[60, 60])
    provider = simulated_provider(setup.control.url, Recovery.NONE)
    monkeypatch.setattr(provider, "cancel", AsyncMock(return_value=Cancelled.UNSUPPORTED))
    routes = ProviderRouter({provider.name: provider}, {Operation.CREATE: provider.name})
    queue = await open_queue(setup.redis)
    tools = tools_of(queue, setup.redis, routes, setup.folder, "here")
    job = await take(submit, tools, await claimed_job(queue))
    job = await queue.move(job, State.POLLING, price_micro=40_000)

    verdicts = [await queue.cancel("7", 1, NOW)]
    await take(take_step, tools, with_changes(job, is_cancelled=True))
    verdicts.append(await queue.cancel("7", 1, NOW))
    stored = await queue.job("7")
    await routes.aclose()

    assert [CANCELLED[each] for each in verdicts] == ["cancelling", "cancelled_late"]
    assert stored is not None
    assert not stored.is_cancelled
    # A ban stops it all the same.
    assert await queue.cancel_all(1, NOW, 0) == {"7": "ok"}


async def test_a_restart_orders_no_faster_than_the_provider_has_let_it(setup: QueueSetup) -> None:
    refused = await setup.order(mark="429=1")
    queue = JobQueue(setup.redis, QueueLimits())
    await queue.open_epoch()
    provider = simulated_provider(setup.control.url, Recovery.NONE)
    routes = ProviderRouter({provider.name: provider}, {Operation.CREATE: provider.name})
    tools = tools_of(queue, setup.redis, routes, setup.folder, "here")

    outcomes = [
        await submit(tools, await claimed_job(queue, job_id=job_id)) for job_id in ("8", "9")
    ]
    await routes.aclose()

    assert refused.state is State.SUBMITTING
    waiting = [each.job.state for each in outcomes if isinstance(each, Snooze)]
    assert waiting == [State.POLLING, State.SUBMITTING]
    assert await setup.charges() == 1


@pytest.mark.parametrize("error", [ChatGoneError("it is muted"), TransientError("no answer")])
async def test_nothing_is_ordered_before_its_message_is_there(
    setup: QueueSetup, error: Exception
) -> None:
    with pytest.raises(type(error)):
        await setup.order(announced=error)

    stored = await JobQueue(setup.redis, QueueLimits()).job("7")
    assert stored is not None
    assert (stored.state, is_billed(stored)) == (State.SUBMITTING, False)
    assert await setup.charges() == 0


async def test_a_picture_that_comes_with_its_order_took_the_providers_time(
    redis: Client, tmp_path: Path
) -> None:
    async def make(order: GenerationRequest) -> Done:
        return Done((Output(path=str(order.target)),))

    def counts() -> list[float]:
        name = "imgbot_job_stage_duration_seconds_count"
        stages = ("submit", "provider")
        return [REGISTRY.get_sample_value(name, {"stage": stage}) or 0 for stage in stages]

    queue = await open_queue(redis)
    claimed = await claimed_job(queue)
    routes = ProviderRouter({"builtin": BuiltinProvider(make)}, {Operation.CREATE: "builtin"})
    before = counts()

    await submit(tools_of(queue, redis, routes, tmp_path, "0a1b"), claimed)

    assert [now - then for now, then in zip(counts(), before, strict=True)] == [0, 1]


async def test_an_order_that_no_worker_could_take_leaves_nothing_to_recover(
    redis: Client, tmp_path: Path
) -> None:
    queue = await open_queue(redis)
    claimed = await claimed_job(queue)
    builtin = BuiltinProvider(
        AsyncMock(side_effect=TransientError("picture workers fail to start"))
    )
    routes = ProviderRouter({"builtin": builtin}, {Operation.CREATE: "builtin"})

    with pytest.raises(TransientError):
        await submit(tools_of(queue, redis, routes, tmp_path, "0a1b"), claimed)

    stored = await queue.job("7")
    assert stored is not None
    assert (stored.progress.submit_ms, stored.progress.tries) == (0, 0)


def _unchanged(order: GenerationRequest) -> GenerationRequest:
    return order


class _KilledError(Exception):
    """Stands in for a kill of the process."""


async def _kill_after_ticket(queue: JobQueue, *args: Any, **changes: Any) -> Job:
    moved = await JobQueue.move(queue, *args, **changes)
    if "ticket" in changes:
        raise _KilledError
    return moved


@pytest.mark.parametrize("is_searchable", [True, False])
@pytest.mark.parametrize("end", ["accepted", "lost", "killed"])
async def test_a_task_of_one_job_is_found_for_no_other(
    redis: Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    end: str,
    is_searchable: bool,
) -> None:
    queue, is_lost = await open_queue(redis), end == "lost"
    tasks = [{"id": "t7"}, {"id": "t8"}]
    answers = [Accepted(tasks[0])] * (not is_lost) + [ProviderError(Kind.SUBMIT_UNKNOWN)] * 2
    provider = Mock(
        recovery=Recovery.NONE,
        max_concurrent=0,
        order_limit=OrderLimit(),
        is_searchable=is_searchable,
        offers={Operation.CREATE: Capability()},
        offer=Mock(return_value=Capability()),
        upload=AsyncMock(side_effect=_unchanged),
        fields_of=AsyncMock(return_value={"prompt": "0a1b"}),
        submit=AsyncMock(side_effect=answers),
        search=AsyncMock(return_value=tasks),
    )
    provider.name = "mine"
    routes = ProviderRouter({"mine": provider}, {Operation.CREATE: "mine"})
    tools = tools_of(queue, redis, routes, tmp_path, "here")
    webhooks = Mock(url_for=Mock(return_value="https://bot.example/hook"))
    clock = itertools.count(NOW, 120_000)
    for name, part in {"webhooks": webhooks, "now_ms": lambda: next(clock)}.items():
        object.__setattr__(tools, name, part)
    # The second one is true, and of another task than that of its job.
    await queue.wake("7", tasks[0])
    await queue.wake("8", tasks[0])

    found: list[object] = []
    for job_id in ("7", "8"):
        job = await claimed_job(queue, job_id=job_id)
        if end == "killed" and job_id == "7":
            with monkeypatch.context() as patch:
                patch.setattr(queue, "move", functools.partial(_kill_after_ticket, queue))
                with pytest.raises(_KilledError):
                    await take(submit, tools, job)
        else:
            await take(submit, tools, job)
        stored = await queue.job(job_id)
        assert stored
        found.append(stored.progress.ticket)

    assert found == (tasks if is_searchable else [tasks[0], {}])


async def _doubted(
    setup: QueueSetup, recovery: Recovery, *, is_former: bool = False, **acts: AsyncMock
) -> tuple[StepContext, Job]:
    """Return a job that was killed while it was ordered, and what orders since then.

    Another model was usual then; the provider may be one that is no longer chosen.
    """
    queue, create = await open_queue(setup.redis), Operation.CREATE
    engine, fields = BuiltinProvider(AsyncMock()), AsyncMock(return_value={"prompt": "0a1b"})
    killed = {"submit": AsyncMock(side_effect=_KilledError), "fields_of": fields}
    tools: list[StepContext] = []
    for model, parts in (("simulated", killed), ("simulated/best", acts)):
        provider = simulated_provider(setup.control.url, recovery, usual=model)
        for name, part in {"is_searchable": True, **parts}.items():
            setattr(provider, name, part)
        routes = ProviderRouter({provider.name: provider}, {create: provider.name})
        if is_former and parts is acts:
            routes = ProviderRouter({"builtin": engine}, {create: "builtin"})
            routes.add([provider])
        tools.append(tools_of(queue, setup.redis, routes, setup.folder, "here"))
    with pytest.raises(_KilledError):
        await submit(tools[0], await claimed_job(queue))
    job = await queue.job("7")
    assert job is not None
    return tools[1], job


@pytest.mark.parametrize("is_former", [False, True], ids=["chosen", "no longer chosen"])
async def test_an_order_in_doubt_is_looked_for_as_the_model_that_was_usual_then(
    setup: QueueSetup, *, is_former: bool
) -> None:
    search, hook = AsyncMock(return_value=[{"id": "t7"}]), AsyncMock(return_value=None)
    tools, job = await _doubted(
        setup, Recovery.NONE, is_former=is_former, search=search, ticket_of_hook=hook
    )
    webhooks = Webhooks("https://bot.example", b"key", tools.queue, tools.routing, lambda: NOW)
    secret = webhooks.url_for("7").rpartition("/")[2]

    await webhooks.handle("7", secret, {}, AsyncMock(return_value=b"{}"))
    found = await take(submit, tools, job)

    assert [act.mock_calls[-1].args[-1] for act in (search, hook)] == ["simulated"] * 2
    assert found.progress.ticket == {"id": "t7"}


async def test_a_clock_that_is_set_back_prolongs_no_search(setup: QueueSetup) -> None:
    search = AsyncMock(side_effect=[[]] * 20)
    tools, job = await _doubted(setup, Recovery.NONE, search=search)
    object.__setattr__(tools, "now_ms", lambda: job.progress.submit_ms - 3_600_000)

    ended = await take(submit, tools, job)

    assert (ended.progress.outcome, ended.progress.reason) == (State.DEAD, "submit_unknown")


async def test_an_order_is_repeated_as_the_model_that_was_usual_then(setup: QueueSetup) -> None:
    again = AsyncMock(return_value=Accepted({"id": "t7"}))
    tools, job = await _doubted(setup, Recovery.REPEAT, submit=again)

    await take(submit, tools, job)

    assert [call.args[0].model for call in again.mock_calls] == ["simulated"]


@pytest.mark.parametrize("kind", [Kind.FAILED, Kind.LOST, Kind.SUBMIT_UNKNOWN])
async def test_an_upload_that_fails_for_good_has_cost_nothing(
    redis: Client, tmp_path: Path, kind: Kind
) -> None:
    queue = await open_queue(redis)
    job = await claimed_job(queue)
    job = await queue.move(job, State.SUBMITTING, tries=SUBMIT_ATTEMPTS)
    upload = AsyncMock(side_effect=ProviderError(kind, "HTTP 410"))
    provider = Mock(recovery=Recovery.NONE, max_concurrent=0, upload=upload)
    provider.offer.return_value = Capability()
    provider.name, provider.offers = "mine", {Operation.CREATE: Capability()}
    routes = ProviderRouter({"mine": provider}, {Operation.CREATE: "mine"})
    tools = tools_of(queue, redis, routes, tmp_path, "here")

    ended = await take(submit, tools, job)

    assert (ended.progress.outcome, ended.progress.facts) == (State.FAILED, {"charge": "no"})
