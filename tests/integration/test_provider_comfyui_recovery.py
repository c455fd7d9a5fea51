"""Orders at ComfyUI whose fate is unknown: found again, known to be absent, or given up."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from imgbot.domain.errors import ProviderErrorKind as Kind
from imgbot.domain.job import Job, State
from imgbot.domain.operations import Operation
from imgbot.jobs.context import StepContext
from imgbot.jobs.poll import poll
from imgbot.jobs.provider_routing import ProviderRouter
from imgbot.jobs.submit import submit
from imgbot.providers.comfyui import ComfyUiProvider, task_id_of
from imgbot.providers.protocol import Recovery
from imgbot.storage.client import Client
from imgbot.storage.job_queue import JobQueue, QueueLimits
from tests.fakes.exchanges import Network, open_network, read_vendor
from tests.fakes.scripted_server import Script
from tests.fixtures.comfyui_provider import opened, ordered, refused
from tests.fixtures.jobs import job_of
from tests.fixtures.requests import make_order, submitted
from tests.fixtures.steps import take
from tests.integration.test_recovery import NOW, tools_of

COMFYUI = read_vendor("comfyui")
TASK = task_id_of("job-1")


@pytest.fixture
async def net() -> AsyncGenerator[Network]:
    async with open_network("") as net:
        yield net
        assert not net.left, [one.name for one in net.left]


@pytest.fixture
async def provider() -> AsyncGenerator[ComfyUiProvider]:
    async with opened() as provider:
        yield provider


async def test_a_lost_order_is_found_by_its_name_or_known_to_be_absent(
    net: Network, provider: ComfyUiProvider
) -> None:
    assert provider.recovery is Recovery.LOOK_UP
    for happens in (["finished"], ["absent", "running"], ["absent", "third"],
                    ["absent", "empty_queue", "finished"]):  # fmt: skip
        net.expect(COMFYUI.exchanges(happens))
        assert await provider.look_up("job-1") == {"id": TASK, "operation": "create"}
    net.expect(COMFYUI.exchanges(["absent", "empty_queue", "absent", "new_server"]))
    assert await provider.look_up("job-1") is None


async def test_an_order_lost_at_an_old_server_is_not_given_again(
    net: Network, provider: ComfyUiProvider, tmp_path: Path
) -> None:
    order = make_order(tmp_path, Operation.CREATE, "a lake", ratio="16:9")
    net.expect(COMFYUI.exchanges(["submit_broken"]))
    lost = await refused(submitted(provider, order))
    net.expect(COMFYUI.exchanges(["absent", "empty_queue", "absent", "old_server"]))
    found = await refused(provider.look_up("job-1"))

    assert (lost.kind, lost.is_billed) == (Kind.SUBMIT_UNKNOWN, None)
    assert found.kind is Kind.LOST


async def test_a_file_may_forgo_the_look_up() -> None:
    async with opened(head='recovery = "none"') as provider:
        assert provider.recovery is Recovery.NONE


@dataclass
class Carried:
    """A job at ComfyUI, with what carries it."""

    queue: JobQueue
    context: StepContext
    routes: ProviderRouter

    async def claimed(self, operation: Operation, prompt: str) -> Job:
        await self.queue.enqueue(job_of("7", 1, 1, operation, "en", prompt=prompt), NOW)
        claimed = await self.queue.claim(NOW)
        assert claimed is not None
        return claimed


async def carried_by(provider: ComfyUiProvider, redis: Client, folder: Path) -> Carried:
    queue = JobQueue(redis, QueueLimits())
    await queue.open_epoch()
    routes = ProviderRouter({provider.name: provider}, dict.fromkeys(Operation, provider.name))
    return Carried(queue, tools_of(queue, redis, routes, folder, "0a1b"), routes)


@pytest.mark.parametrize(("price_micro", "is_repeated"), [(0, True), (50_000, False)])
async def test_what_a_restart_forgot_is_ordered_again_only_where_it_is_free(
    script: Script, redis: Client, tmp_path: Path, price_micro: int, *, is_repeated: bool
) -> None:
    task_id = task_id_of("0a1b-7")
    script.on("POST /prompt", {"prompt_id": task_id})
    # As after a restart of the server.
    script.on(f"GET /history/{task_id}", {})
    script.on("GET /queue", {"queue_running": [], "queue_pending": []})
    script.on("GET /system_stats", {"system": {"comfyui_version": "0.3.45"}})
    async with opened(script, prices_micro={Operation.CREATE: price_micro}) as provider:
        carried = await carried_by(provider, redis, tmp_path)
        # Longer ago than a task may take to become known.
        long_ago = replace(carried.context, now_ms=lambda: NOW - 60_000)
        job = await take(submit, long_ago, await carried.claimed(Operation.CREATE, "a fox"))
        while job.state is State.POLLING:
            job = await take(poll, carried.context, job)
        if is_repeated:
            job = await take(submit, carried.context, job)

    assert (job.state, job.progress.outcome) == (
        (State.POLLING, None) if is_repeated else (State.DELIVERING, State.DEAD)
    )
    assert [asked.path for asked in script.asked].count("/prompt") == 1 + is_repeated


async def test_words_that_were_not_heard_are_kept_for_the_caption(
    script: Script, redis: Client, tmp_path: Path
) -> None:
    saved = {"filename": "a.png", "subfolder": "", "type": "output"}
    status = {"status_str": "success", "completed": True}
    script.on("POST /upload/image", {"name": "a.jpg"})
    script.on("POST /prompt", {"prompt_id": TASK})
    entry = {"status": status, "outputs": {"5": {"images": [saved]}}}
    script.on(f"GET /history/{TASK}", {TASK: entry})
    async with opened(script) as provider:
        carried = await carried_by(provider, redis, tmp_path)
        order = make_order(tmp_path, Operation.MERGE, "collage", pictures=2)
        changes = {"ticket": await ordered(provider, order), "provider": provider.name}
        claimed = await carried.claimed(Operation.MERGE, "collage")
        job = await carried.queue.move(claimed, State.POLLING, NOW, intent_ms=NOW, **changes)
        while job.state is State.POLLING:
            job = await take(poll, carried.context, job)

    assert job.progress.facts["unknown"] == "collage"
