"""The ComfyUI adapter: workflows as they are sent, the line, a proxy, orders of unknown fate."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from imgbot.config.sources import load_settings
from imgbot.domain.errors import ProviderErrorKind as Kind
from imgbot.domain.job import Job, State, with_changes
from imgbot.domain.operations import Operation
from imgbot.jobs.context import StepContext
from imgbot.jobs.outcomes import Snooze
from imgbot.jobs.poll import poll
from imgbot.jobs.provider_routing import ProviderRouter
from imgbot.jobs.submit import submit
from imgbot.providers.comfyui import ComfyUiProvider, task_id_of
from imgbot.providers.protocol import Cancelled, Pending, Recovery, Ticket
from imgbot.storage.client import Client
from imgbot.storage.job_queue import JobQueue, QueueLimits
from imgbot.wiring.providers import open_providers
from tests.fakes.exchanges import Network, open_network, read_vendor
from tests.fakes.scripted_server import Script, open_script
from tests.fixtures.bot import extending
from tests.fixtures.comfyui_provider import opened, ordered, polled, refused
from tests.fixtures.jobs import job_of
from tests.fixtures.requests import make_order, submitted
from tests.fixtures.sandbox import picture
from tests.fixtures.steps import resume, take
from tests.integration.test_recovery import NOW, tools_of

COMFYUI = read_vendor("comfyui")
TASK = task_id_of("job-1")
PNG_END = b"IEND\xaeB`\x82"


@pytest.fixture
async def net() -> AsyncGenerator[Network]:
    async with open_network("") as net:
        yield net
        assert not net.left, [one.name for one in net.left]


@pytest.fixture
async def provider() -> AsyncGenerator[ComfyUiProvider]:
    async with opened() as provider:
        yield provider


@pytest.fixture
async def ticket(net: Network, provider: ComfyUiProvider, tmp_path: Path) -> Ticket:
    """Of a task that the server has taken."""
    net.expect(COMFYUI.exchanges(["created"]))
    order = make_order(tmp_path, Operation.CREATE, "a lake", ratio="16:9")
    return await ordered(provider, order)


@pytest.mark.parametrize("count", [2, 3, 10])
async def test_pictures_are_stitched_in_their_order(
    script: Script, tmp_path: Path, count: int
) -> None:
    names = [{"name": f"{index}.jpg", "subfolder": ""} for index in range(count)]
    script.on("POST /upload/image", *names)
    script.on("POST /prompt", {"prompt_id": TASK})

    async with opened(script) as provider:
        order = make_order(tmp_path, Operation.MERGE, pictures=count)
        await ordered(provider, order)

    graph = json.loads(script.asked[-1].body)["prompt"]
    sent = [
        path.read_bytes() in asked.body
        for path, asked in zip(order.pictures, script.asked, strict=False)
    ]
    assert stitched(graph) == [f"{index}.jpg" for index in range(count)]
    assert sent == [True] * count


async def test_a_negative_prompt_goes_before_the_workflows_own(
    script: Script, tmp_path: Path
) -> None:
    script.on("POST /prompt", {"prompt_id": TASK})

    async with opened(script) as provider:
        order = make_order(tmp_path, Operation.CREATE, "a fox", negative="snow", seed=-3)
        await ordered(provider, order)

    graph = json.loads(script.asked[-1].body)["prompt"]
    assert 0 <= graph["5"]["inputs"]["seed"] < 1 << 64
    assert graph["2"]["inputs"]["text"] == "a fox"
    assert graph["3"]["inputs"]["text"] == "snow, blurry, low quality, watermark, text"


def stitched(graph: dict[str, Any]) -> list[str]:
    """The pictures that SaveImage gets, from left to right."""

    def below(name: str) -> list[str]:
        node = graph[name]
        inputs = node["inputs"]
        if node["class_type"] == "LoadImage":
            return [inputs["image"]]
        return [
            found
            for key in ("images", "image1", "image2", "image")
            if key in inputs
            for found in below(inputs[key][0])
        ]

    [save] = [name for name, node in graph.items() if node["class_type"] == "SaveImage"]
    return below(save)


async def test_an_operation_without_its_model_is_not_offered(net: Network, tmp_path: Path) -> None:
    async with opened(models={}) as provider:
        assert set(provider.offers) == {"upscale", "retouch", "merge"}
        assert {offer.price_micro for offer in provider.offers.values()} == {0}
        error = await refused(submitted(provider, make_order(tmp_path, Operation.CREATE, "a fox")))

    assert error.kind is Kind.INVALID
    assert net.asked == []


async def test_more_pictures_than_a_workflow_takes_are_not_sent(
    net: Network, provider: ComfyUiProvider, tmp_path: Path
) -> None:
    order = make_order(tmp_path, Operation.EDIT, "a", pictures=2)
    error = await refused(submitted(provider, order))

    assert (error.kind, error.is_billed) == (Kind.UNSUITABLE, False)
    assert net.asked == []


async def test_the_place_in_the_line_is_shown_and_left(
    net: Network, provider: ComfyUiProvider, ticket: Ticket
) -> None:
    for happens, said in (
        (["absent", "running"], Pending()),
        (["absent", "third"], Pending(position=3)),
        (["unknown_state"], Pending()),
    ):
        net.expect(COMFYUI.exchanges(happens))
        assert await provider.poll(ticket) == said
    for happens, verdict in (
        (["running", "interrupt"], Cancelled.ACCEPTED),
        (["third", "delete", "empty_queue"], Cancelled.ACCEPTED),
        # It began to run while it was being deleted.
        (["third", "delete", "running", "interrupt"], Cancelled.ACCEPTED),
        (["empty_queue"], Cancelled.TOO_LATE),
    ):
        net.expect(COMFYUI.exchanges(happens))
        assert await provider.cancel(ticket) is verdict


def finished(saved: dict[str, str]) -> dict[str, Any]:
    """The history of a task that has saved one picture."""
    status = {"status_str": "success", "completed": True}
    return {"status": status, "outputs": {"5": {"images": [saved]}}}


async def test_a_proxy_sees_its_key_in_every_call(script: Script, tmp_path: Path) -> None:
    script.on("POST /upload/image", {"name": "a (1).jpg", "subfolder": "from us"})
    script.on("POST /prompt", {"prompt_id": "theirs"})
    saved = {"filename": "a b.png", "subfolder": "x/y", "type": "output"}
    script.on("GET /history/theirs", {"theirs": finished(saved)})
    script.on("GET /view", picture(kind="PNG"))

    async with opened(script, head='headers = { X-Token = "t-{key}" }') as provider:
        order = make_order(tmp_path, Operation.RETOUCH, pictures=1)
        done = await polled(provider, await ordered(provider, order))
        await provider.fetch(done.outputs[0], tmp_path / "result")

    assert [asked.headers["X-Token"] for asked in script.asked] == ["t-proxy-key"] * 4
    graph = json.loads(script.asked[1].body)["prompt"]
    assert graph["1"]["inputs"]["image"] == "from us/a (1).jpg"
    assert done.outputs[0].url.endswith("/view?filename=a+b.png&subfolder=x%2Fy&type=output")
    assert (tmp_path / "result").read_bytes().endswith(PNG_END)


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


@pytest.mark.parametrize(("price_usd", "is_repeated"), [(0, True), (0.05, False)])
async def test_what_a_restart_forgot_is_ordered_again_only_where_it_is_free(
    script: Script, redis: Client, tmp_path: Path, price_usd: float, *, is_repeated: bool
) -> None:
    task_id = task_id_of("0a1b-7")
    script.on("POST /prompt", {"prompt_id": task_id})
    # As after a restart of the server.
    script.on(f"GET /history/{task_id}", {})
    script.on("GET /queue", {"queue_running": [], "queue_pending": []})
    script.on("GET /system_stats", {"system": {"comfyui_version": "0.3.45"}})
    async with opened(script, prices_usd={Operation.CREATE: price_usd}) as provider:
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


@asynccontextmanager
async def servers_at(urls: str, redis: Client, folder: Path) -> AsyncGenerator[StepContext]:
    """What orders at several servers, opened from the setting."""
    settings = load_settings({
        "IMGBOT_TOKEN": f"1234567:{'A' * 35}", "STATE_DIRECTORY": str(folder),
        "IMGBOT_PROVIDER": extending("comfyui", folder, 'usual = { create = "a" }'),
        "IMGBOT_PROVIDER_URL": urls,
    })  # fmt: skip
    routes = open_providers(settings, cast("Any", None))
    yield tools_of(JobQueue(redis, QueueLimits()), redis, routes, folder, "0a1b")
    await routes.aclose()


async def claimed_of(context: StepContext, job_id: str) -> Job:
    await context.queue.enqueue(job_of(job_id, 1, 1, Operation.CREATE, "en"), NOW)
    claimed = await context.queue.claim(NOW)
    assert claimed is not None
    return claimed


async def test_orders_are_shared_and_each_is_asked_for_where_it_was_given(
    script: Script, redis: Client, tmp_path: Path
) -> None:
    async with open_script() as other:
        for server in (script, other):
            server.on("POST /prompt", {"prompt_id": "theirs"})
        async with servers_at(f"{script.url}|{other.url}", redis, tmp_path) as context:
            await context.queue.open_epoch()
            jobs = [await take(submit, context, await claimed_of(context, each)) for each in "123"]
        assert [len(server.asked) for server in (script, other)] == [2, 1]
        # Whatever the order of the addresses is after a restart.
        async with servers_at(f"{other.url}|{script.url}", redis, tmp_path) as context:
            await poll(context, jobs[1])
            assert (len(script.asked), other.asked[-1].path) == (2, "/history/theirs")
            # The answer to this submit was lost; the other server knows nothing of it.
            lost = with_changes(jobs[0], ticket={})
            found = await submit(context, replace(lost, state=State.SUBMITTING))
            assert isinstance(found, Snooze)
            await resume(context, found)
        assert (script.asked[-1].path, len(other.asked)) == (f"/history/{task_id_of('0a1b-1')}", 2)


@pytest.mark.parametrize(
    ("stored", "urls", "known_as"),
    [
        ("comfyui", "http://a|http://b", "comfyui@a"),
        ("comfyui@a", "http://a", "comfyui"),
        ("comfyui@b", "http://a", ""),
        ("comfyui@b", "https://b|http://a", ""),
        ("comfyui@https://b", "https://b|http://a", "comfyui@https://b"),
    ],
)
async def test_an_order_of_a_server_that_is_gone_is_nobody_elses(
    redis: Client, tmp_path: Path, stored: str, urls: str, known_as: str
) -> None:
    job = job_of("7", 1, 1, Operation.CREATE, "en")
    job = with_changes(job, provider=stored, submit_ms=NOW)
    async with servers_at(urls, redis, tmp_path) as context:
        is_orphaned, provider = context.routing.is_orphaned(job), context.routing.provider_of(job)

    assert is_orphaned is not bool(known_as)
    assert is_orphaned or provider.name == known_as


async def test_an_order_goes_to_another_server_at_once(
    script: Script, redis: Client, tmp_path: Path
) -> None:
    script.on("POST /prompt", {"prompt_id": "theirs"})
    async with servers_at(f"http://127.0.0.1:1|{script.url}", redis, tmp_path) as context:
        await context.queue.open_epoch()
        refused = await submit(context, await claimed_of(context, "7"))
        assert isinstance(refused, Snooze)
        job = await take(submit, context, refused.job)

    assert (refused.seconds, refused.job.progress.submit_ms) == (0.0, 0)
    assert (job.state, job.progress.provider) == (
        State.POLLING,
        f"comfyui@{script.url.removeprefix('http://')}",
    )


@pytest.mark.parametrize(
    ("prompt", "unknown"),
    [("in black and white", "in black and white"), ("Merge them!", ""), ("объедини", "")],
)
async def test_words_that_were_not_heard_are_kept_for_the_caption(
    script: Script, redis: Client, tmp_path: Path, prompt: str, unknown: str
) -> None:
    script.on("POST /upload/image", {"name": "a.jpg"})
    script.on("POST /prompt", {"prompt_id": TASK})
    saved = {"filename": "a.png", "subfolder": "", "type": "output"}
    script.on(f"GET /history/{TASK}", {TASK: finished(saved)})
    async with opened(script) as provider:
        carried = await carried_by(provider, redis, tmp_path)
        order = make_order(tmp_path, Operation.MERGE, prompt, pictures=2)
        changes = {"ticket": await ordered(provider, order), "provider": provider.name}
        claimed = await carried.claimed(Operation.MERGE, prompt)
        job = await carried.queue.move(claimed, State.POLLING, submit_ms=NOW, **changes)
        while job.state is State.POLLING:
            job = await take(poll, carried.context, job)

    assert job.progress.facts.get("unknown", "") == unknown
