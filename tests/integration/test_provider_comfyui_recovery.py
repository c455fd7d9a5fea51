"""Orders at ComfyUI whose fate is unknown: found again, known to be absent, or given up."""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

import pytest
from redis.asyncio import Redis

from imgbot.domain.errors import ProviderErrorKind as Kind
from imgbot.domain.job import Job, State
from imgbot.domain.operations import Operation
from imgbot.jobs.poll import poll
from imgbot.jobs.provider_routing import ProviderRouter
from imgbot.jobs.submit import submit
from imgbot.providers.comfyui import ComfyUiProvider, task_id_of
from imgbot.providers.protocol import Pending, Recovery
from imgbot.sandbox.simulators.comfyui import ComfyUi
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.queue_limits import QueueLimits
from imgbot.storage.scripts import Scripts
from tests.integration.test_recovery import NOW, tools_of
from tests.support.comfyui_provider import opened, ordered, polled, refused
from tests.support.orders import make_order, submitted
from tests.support.scripted import Script
from tests.support.sim_desk import Desk
from tests.support.waiting import eventually

pytestmark = pytest.mark.simulator("comfyui")


@pytest.fixture
async def provider(desk: Desk) -> AsyncGenerator[ComfyUiProvider]:
    async with opened(desk) as provider:
        yield provider


def simulated(desk: Desk) -> ComfyUi:
    return cast("ComfyUi", desk.simulator)


@pytest.mark.parametrize("mark", ["drop_after_accept", "garbled_submit"])
async def test_a_lost_answer_is_found_again(
    desk: Desk, provider: ComfyUiProvider, tmp_path: Path, mark: str
) -> None:
    order = make_order(tmp_path, Operation.CREATE, f"a fox [[sim:{mark}=1]]")

    error = await refused(submitted(provider, order))
    async with opened(desk) as restarted:
        ticket = await restarted.look_up(order.job_id)
        assert ticket is not None
        done = await polled(restarted, ticket)

    assert (error.kind, error.is_billed) == (Kind.SUBMIT_UNKNOWN, None)
    assert len(done.outputs) == 1
    assert (ticket["operation"], ticket["model"]) == ("create", "sd_xl_base_1.0.safetensors")
    assert len((await desk.view())["tasks"]) == 1


async def test_a_waiting_task_is_found_in_the_queue(
    desk: Desk, provider: ComfyUiProvider, tmp_path: Path
) -> None:
    words = "a fox [[sim:slow=600]]"
    tickets = {
        name: await ordered(provider, make_order(tmp_path, Operation.CREATE, words, job_id=name))
        for name in ("running", "waiting")
    }

    async with opened(desk) as restarted:
        assert {name: await restarted.look_up(name) for name in tickets} == tickets


async def test_a_task_that_was_never_taken_is_known_to_be_absent(
    provider: ComfyUiProvider,
) -> None:
    assert provider.recovery is Recovery.LOOK_UP
    assert await provider.look_up("never") is None


async def test_a_server_that_names_tasks_itself_proves_nothing(
    desk: Desk, provider: ComfyUiProvider, tmp_path: Path
) -> None:
    await desk.set(marks="[[sim:old_server]]")

    ticket = await ordered(provider, make_order(tmp_path, Operation.CREATE, "a fox"))
    done = await polled(provider, ticket)
    error = await refused(provider.look_up("never"))

    assert len(done.outputs) == 1
    assert error.kind is Kind.LOST


async def test_an_order_lost_at_an_old_server_is_not_given_again(
    desk: Desk, provider: ComfyUiProvider, tmp_path: Path
) -> None:
    await desk.set(marks="[[sim:old_server]] [[sim:drop_after_accept=1]]")

    lost = await refused(submitted(provider, make_order(tmp_path, Operation.CREATE, "a fox")))
    found = await refused(provider.look_up("job-1"))

    assert (lost.kind, found.kind) == (Kind.SUBMIT_UNKNOWN, Kind.LOST)
    assert len((await desk.view())["tasks"]) == 1


@pytest.mark.parametrize(
    ("stats", "is_proof"),
    [
        ({"system": {"comfyui_version": "0.3.45"}}, True),
        ({"system": {"comfyui_version": "0.3.44"}}, False),
        ({}, False),
        (b"<html>", False),
    ],
)
async def test_after_a_restart_the_version_says_what_absence_proves(
    script: Script, stats: Any, is_proof: bool
) -> None:
    script.on(f"GET /history/{task_id_of('job-1')}", {})
    script.on("GET /queue", {"queue_running": [], "queue_pending": []})
    script.on("GET /system_stats", stats)

    async with opened(script) as provider:
        if is_proof:
            assert await provider.look_up("job-1") is None
        else:
            await refused(provider.look_up("job-1"))


async def test_a_restart_of_the_server_loses_its_tasks(
    desk: Desk, provider: ComfyUiProvider, tmp_path: Path
) -> None:
    order = make_order(tmp_path, Operation.CREATE, "a fox [[sim:slow=600]]")
    ticket = await ordered(provider, order)
    simulated(desk).restart()

    polls = [await provider.poll(ticket) for _ in range(2)]
    error = await refused(provider.poll(ticket))

    assert polls == [Pending(), Pending()]
    assert error.kind is Kind.LOST
    assert await provider.look_up(order.job_id) is None


async def test_a_name_that_is_taken_is_this_very_task(script: Script, tmp_path: Path) -> None:
    script.on("POST /prompt", {"error": "prompt_id already exists"}, status=409)

    async with opened(script) as provider:
        ticket = await ordered(provider, make_order(tmp_path, Operation.CREATE, "a fox"))

    sent = json.loads(script.asked[0].body)
    assert ticket["id"] == sent["prompt_id"]
    assert "Origin" not in script.asked[0].headers


async def test_a_file_may_forgo_the_look_up(desk: Desk) -> None:
    async with opened(desk, head='recovery = "none"') as provider:
        assert provider.recovery is Recovery.NONE


@pytest.mark.parametrize(("price_micro", "is_repeated"), [(0, True), (50_000, False)])
async def test_what_a_restart_forgot_is_ordered_again_only_where_it_is_free(
    desk: Desk, real_redis: Redis, tmp_path: Path, price_micro: int, *, is_repeated: bool
) -> None:
    queue = JobQueue(real_redis, Scripts(real_redis), QueueLimits())
    await queue.open_epoch()
    nudged = asyncio.Event()
    prices = {Operation.CREATE: price_micro}
    async with opened(desk, prices_micro=prices) as provider:
        routes = ProviderRouter({provider.name: provider}, {Operation.CREATE: provider.name})
        tools = tools_of(queue, real_redis, routes, tmp_path, "0a1b")
        await queue.enqueue(Job("7", 1, 1, Operation.CREATE, "en", "a fox"), NOW)
        claimed = await queue.claim(NOW)
        assert claimed is not None
        # Longer ago than a task may take to become known.
        job = await submit(replace(tools, now_ms=lambda: NOW - 60_000), claimed, nudged)
        simulated(desk).restart()

        while job.state is State.POLLING:
            nudged.set()
            job = await poll(tools, job, nudged)
        if is_repeated:
            job = await submit(tools, job, nudged)

    assert (job.state, job.outcome) == (
        (State.POLLING, None) if is_repeated else (State.DELIVERING, State.DEAD)
    )
    assert len((await desk.view())["tasks"]) == 1 + is_repeated


async def test_words_that_were_not_heard_are_kept_for_the_caption(
    desk: Desk, real_redis: Redis, tmp_path: Path
) -> None:
    queue = JobQueue(real_redis, Scripts(real_redis), QueueLimits())
    await queue.open_epoch()
    async with opened(desk) as provider:
        routes = ProviderRouter({provider.name: provider}, {Operation.MERGE: provider.name})
        tools = tools_of(queue, real_redis, routes, tmp_path, "0a1b")
        await queue.enqueue(Job("7", 1, 1, Operation.MERGE, "en", "collage"), NOW)
        claimed = await queue.claim(NOW)
        assert claimed is not None
        order = make_order(tmp_path, Operation.MERGE, "collage", pictures=2)
        ticket = await ordered(provider, order)
        job = await queue.move(
            claimed, State.POLLING, NOW, ticket=ticket, intent_ms=NOW, provider=provider.name
        )

        while job.state is State.POLLING:
            job = await poll(tools, job, asyncio.Event())

    assert job.facts["unknown"] == "collage"


async def test_questions_that_nobody_answers_put_their_provider_out(
    script: Script, real_redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.on(f"GET /history/{task_id_of('job-1')}", b"", status=504)
    clock = count(1000.0, 70.0)
    monkeypatch.setattr("imgbot.jobs.provider_routing.time", Mock(monotonic=lambda: next(clock)))
    queue = JobQueue(real_redis, Scripts(real_redis), QueueLimits())
    await queue.open_epoch()
    async with opened(script) as provider:
        routes = ProviderRouter({provider.name: provider}, {Operation.CREATE: provider.name})
        tools = tools_of(queue, real_redis, routes, tmp_path, "0a1b")
        job = Job("7", 1, 1, Operation.CREATE, "en", state=State.POLLING)
        job = replace(job, provider=provider.name, ticket={"id": task_id_of("job-1")}, intent_ms=1)

        async def states() -> bool:
            return routes.states(1100.0)[provider.name]

        async with asyncio.TaskGroup() as group:
            group.create_task(poll(tools, job, asyncio.Event()))
            await eventually(states)
            tools.draining.set()
