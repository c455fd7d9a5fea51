"""The ComfyUI adapter against the simulated server, and against a proxy's answers."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from imgbot.domain.errors import ProviderErrorKind as Kind
from imgbot.domain.operations import Operation
from imgbot.providers.comfyui import ComfyUiProvider
from imgbot.providers.protocol import Cancelled, GenerationRequest, Pending
from tests.support.comfyui_provider import opened, ordered, polled, refused
from tests.support.orders import make_order, submitted
from tests.support.sandbox import picture
from tests.support.scripted import Script
from tests.support.sim_desk import Desk, seen, sha256

pytestmark = pytest.mark.simulator("comfyui")
PNG_END = b"IEND\xaeB`\x82"


@pytest.fixture
async def provider(desk: Desk) -> AsyncGenerator[ComfyUiProvider]:
    async with opened(desk) as provider:
        yield provider


async def made(provider: ComfyUiProvider, order: GenerationRequest) -> tuple[str, tuple[int, int]]:
    done = await polled(provider, await ordered(provider, order))
    target = order.target.with_name("result")
    await provider.fetch(done.outputs[0], target)
    return seen(target.read_bytes())


@pytest.mark.parametrize(
    ("operation", "pictures", "fields", "wanted"),
    [
        (Operation.UPSCALE, 1, {"scale": 2}, ("JPEG", (640, 480))),
        (Operation.UPSCALE, 1, {"scale": 4}, ("JPEG", (1280, 960))),
        (Operation.RETOUCH, 1, {}, ("PNG", (320, 240))),
        (Operation.CREATE, 0, {"ratio": "16:9"}, ("PNG", (1344, 768))),
        (Operation.CREATE, 0, {}, ("PNG", (1024, 1024))),
        (Operation.EDIT, 1, {}, ("PNG", (320, 240))),
    ],
)
async def test_every_operation_makes_its_picture(
    provider: ComfyUiProvider,
    tmp_path: Path,
    operation: Operation,
    pictures: int,
    fields: dict[str, Any],
    wanted: tuple[str, tuple[int, int]],
) -> None:
    order = make_order(tmp_path, operation, "a fox", pictures=pictures, **fields)

    assert await made(provider, order) == wanted


@pytest.mark.parametrize("count", [2, 3, 10])
async def test_pictures_stand_side_by_side_in_their_order(
    desk: Desk, provider: ComfyUiProvider, tmp_path: Path, count: int
) -> None:
    order = make_order(tmp_path, Operation.MERGE, pictures=count)

    _, (width, height) = await made(provider, order)

    assert height == 1024
    assert abs(width - (1365 * count + 16 * (count - 1))) <= count
    task = await desk.task()
    assert [image["sha256"] for image in task["input"]["images"]] == [
        sha256(path.read_bytes()) for path in order.pictures
    ]


async def test_words_seed_and_model_are_put_where_the_file_says(
    desk: Desk, provider: ComfyUiProvider, tmp_path: Path
) -> None:
    await ordered(provider, make_order(tmp_path, Operation.CREATE, "a (red:1.2) fox", seed=-3))

    graph = (await desk.task())["input"]["graph"]
    assert graph["2"]["inputs"]["text"] == "a (red:1.2) fox"
    assert graph["3"]["inputs"]["text"].startswith("blurry")
    assert graph["1"]["inputs"]["ckpt_name"] == "sd_xl_base_1.0.safetensors"
    assert 0 <= graph["5"]["inputs"]["seed"] < 1 << 64


async def test_an_operation_without_its_model_is_not_offered(desk: Desk, tmp_path: Path) -> None:
    async with opened(desk, models={}) as provider:
        assert set(provider.offers) == {"upscale", "retouch", "merge"}
        assert {offer.price_micro for offer in provider.offers.values()} == {0}
        error = await refused(submitted(provider, make_order(tmp_path, Operation.CREATE, "a fox")))

    assert error.kind is Kind.INVALID
    assert (await desk.view())["requests"] == []


async def test_more_pictures_than_a_workflow_takes_are_not_sent(
    desk: Desk, provider: ComfyUiProvider, tmp_path: Path
) -> None:
    error = await refused(
        submitted(provider, make_order(tmp_path, Operation.EDIT, "a", pictures=2))
    )

    assert (error.kind, error.is_billed) == (Kind.UNSUITABLE, False)
    assert (await desk.view())["tasks"] == []


async def test_the_line_is_shown_and_left(
    desk: Desk, provider: ComfyUiProvider, tmp_path: Path
) -> None:
    def slow(job_id: str) -> GenerationRequest:
        words = "a fox [[sim:slow=600]]"
        return make_order(tmp_path, Operation.CREATE, words, job_id=job_id)

    first, second, third = [await ordered(provider, slow(name)) for name in ("a", "b", "c")]

    assert await provider.poll(first) == Pending()
    assert await provider.poll(third) == Pending(position=2)
    assert await provider.cancel(second) is Cancelled.ACCEPTED
    assert await provider.poll(third) == Pending(position=1)
    assert await provider.cancel(first) is Cancelled.ACCEPTED
    assert await provider.poll(third) == Pending()
    error = await refused(provider.poll(first))
    assert (error.kind, error.is_billed) == (Kind.FAILED, False)
    assert await provider.cancel(first) is Cancelled.TOO_LATE
    states = [task["state"] for task in (await desk.view())["tasks"]]
    assert states == ["interrupted", "deleted", "running"]


@pytest.mark.parametrize(
    ("mark", "kind", "detail"),
    [
        ("fail", Kind.FAILED, "torch.OutOfMemoryError: Allocation on device"),
        ("moderated", Kind.FAILED, "Content filtered"),
        ("5xx_on_poll", Kind.UNAVAILABLE, "HTTP 503"),
        ("429_on_poll", Kind.RATE_LIMITED, "HTTP 429"),
        ("malformed", Kind.UNAVAILABLE, "HTTP 200"),
        ("html", Kind.UNAVAILABLE, "HTTP 200"),
        ("null", Kind.UNAVAILABLE, "malformed history"),
    ],
)
async def test_every_trouble_of_a_poll_is_named(
    provider: ComfyUiProvider, tmp_path: Path, mark: str, kind: Kind, detail: str
) -> None:
    order = make_order(tmp_path, Operation.CREATE, f"a fox [[sim:{mark}=1]]")

    error = await refused(provider.poll(await ordered(provider, order)))

    assert error.kind is kind
    assert detail in str(error)


async def test_a_state_that_nobody_knows_is_waited_for(
    provider: ComfyUiProvider, tmp_path: Path
) -> None:
    order = make_order(tmp_path, Operation.CREATE, "a fox [[sim:unknown_state=1]]")
    ticket = await ordered(provider, order)

    assert await provider.poll(ticket) == Pending()
    assert len((await polled(provider, ticket)).outputs) == 1


async def test_a_workflow_that_cannot_run_says_why(desk: Desk, tmp_path: Path) -> None:
    async with opened(desk, models={Operation.CREATE: "none.safetensors"}) as provider:
        error = await refused(submitted(provider, make_order(tmp_path, Operation.CREATE, "a fox")))

    assert (error.kind, error.is_billed) == (Kind.INVALID, False)
    assert "CheckpointLoaderSimple: ckpt_name: 'none.safetensors' not in" in str(error)


async def test_a_result_that_is_gone_has_expired(provider: ComfyUiProvider, tmp_path: Path) -> None:
    order = make_order(tmp_path, Operation.CREATE, "a fox [[sim:expired]]")
    done = await polled(provider, await ordered(provider, order))

    error = await refused(provider.fetch(done.outputs[0], tmp_path / "result"))

    assert error.kind is Kind.EXPIRED


@pytest.mark.parametrize(
    ("status", "content", "kind"),
    [
        (500, {}, Kind.UNAVAILABLE),
        (200, {"name": None}, Kind.UNAVAILABLE),
        (200, b"<html>", Kind.UNAVAILABLE),
        (413, {}, Kind.UNSUITABLE),
        (401, {}, Kind.AUTH),
    ],
)
async def test_without_its_picture_nothing_is_ordered(
    script: Script, tmp_path: Path, status: int, content: Any, kind: Kind
) -> None:
    script.on("POST /upload/image", content, status=status)

    async with opened(script) as provider:
        order = make_order(tmp_path, Operation.RETOUCH, pictures=1)
        error = await refused(submitted(provider, order))

    assert error.kind is kind
    assert [asked.path for asked in script.asked] == ["/upload/image"]


async def test_a_proxy_sees_its_key_in_every_call(script: Script, tmp_path: Path) -> None:
    script.on("POST /upload/image", {"name": "a (1).jpg", "subfolder": "from us"})
    script.on("POST /prompt", {"prompt_id": "theirs"})
    saved = {"filename": "a b.png", "subfolder": "x/y", "type": "output"}
    status = {"status_str": "success", "completed": True}
    outputs = {"3": {"images": [saved]}}
    script.on("GET /history/theirs", {"theirs": {"status": status, "outputs": outputs}})
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


async def test_a_server_that_is_not_there_was_not_asked(desk: Desk, tmp_path: Path) -> None:
    async with opened(Script(url="http://127.0.0.1:9")) as provider:
        for order in (
            make_order(tmp_path, Operation.CREATE, "a fox"),
            make_order(tmp_path, Operation.RETOUCH, pictures=1),
        ):
            assert (await refused(submitted(provider, order))).kind is Kind.UNAVAILABLE


async def test_words_that_a_workflow_has_no_place_for_are_told(
    desk: Desk, provider: ComfyUiProvider, tmp_path: Path
) -> None:
    ticket = await ordered(
        provider, make_order(tmp_path, Operation.MERGE, "collage", pictures=2, job_id="collage")
    )

    assert (await polled(provider, ticket)).unrecognised == ("collage",)
    assert await provider.look_up("collage") == ticket
