"""The providers' own client libraries, unmodified, against the simulators."""

import asyncio
import base64
import gc
import io
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import fal_client
import openai
import pytest
from fal_client import client as fal_constants
from fal_client.client import FalClientHTTPError
from replicate.client import Client
from replicate.exceptions import ModelError, ReplicateError

from tests.support.sandbox import picture
from tests.support.sim_desk import Desk, alpha_mask, fetch, open_desk, seen, sha256
from tests.support.sim_fal import BANANA as FAL_BANANA, EDIT as FAL_EDIT
from tests.support.sim_replicate import BANANA, ESRGAN, SCHNELL


@pytest.fixture
async def replicate() -> AsyncGenerator[Desk]:
    async with open_desk("replicate") as desk:
        yield desk


@pytest.fixture
async def fal_desk() -> AsyncGenerator[Desk]:
    async with open_desk("fal") as desk:
        yield desk


@pytest.fixture
def replicate_client(replicate: Desk) -> Iterator[Client]:
    """Replicate's client as it is; it takes another base URL and key."""
    client = Client(api_token=replicate.key, base_url=replicate.base_url)
    client.poll_interval = 0.01
    yield client
    client._client.close()


@pytest.mark.parametrize("wait", [True, False])
async def test_replicates_client_runs_models(
    replicate: Desk, replicate_client: Client, wait: bool
) -> None:
    await replicate.set(duration_s=[0.1, 0.1])
    given = {"prompt": "p", "image_input": [io.BytesIO(picture())]}

    output: Any = await asyncio.to_thread(replicate_client.run, BANANA, given, wait=wait)
    several: Any = await asyncio.to_thread(
        replicate_client.run, SCHNELL, {"prompt": "p", "num_outputs": 2}
    )

    # The client makes a FileOutput of https addresses only.
    assert seen(await fetch(replicate, output))[0] == "JPEG"
    assert len(several) == 2
    assert (await replicate.view())["tasks"][0]["operation"] == "edit"


async def test_replicates_client_runs_versions(replicate: Desk, replicate_client: Client) -> None:
    given = {"image": io.BytesIO(picture(100, 80)), "scale": 3}

    output: Any = await asyncio.to_thread(
        replicate_client.run, f"nightmareai/real-esrgan:{ESRGAN}", given
    )

    assert seen(await fetch(replicate, output))[1] == (300, 240)


async def test_replicates_client_creates_waits_and_cancels(
    replicate: Desk, replicate_client: Client
) -> None:
    def work() -> list[str]:
        slow = replicate_client.models.predictions.create(BANANA, {"prompt": "p [[sim:polls=3]]"})
        slow.wait()
        running = replicate_client.models.predictions.create(
            BANANA, {"prompt": "q [[sim:polls=99]]"}
        )
        stopped = replicate_client.predictions.cancel(running.id)
        return [slow.status, stopped.status, replicate_client.predictions.get(running.id).status]

    assert await asyncio.to_thread(work) == ["succeeded", "canceled", "canceled"]


async def test_replicates_client_sees_errors(replicate: Desk, replicate_client: Client) -> None:
    with pytest.raises(ModelError, match="E005"):
        await asyncio.to_thread(replicate_client.run, BANANA, {"prompt": "p [[sim:moderated]]"})
    with pytest.raises(ReplicateError, match="Input validation failed"):
        await asyncio.to_thread(replicate_client.run, BANANA, {"promt": "p"})
    with pytest.raises(ReplicateError, match="Insufficient credit"):
        await asyncio.to_thread(replicate_client.run, BANANA, {"prompt": "p [[sim:402]]"})


async def test_replicates_client_keeps_files_and_knows_the_account(
    replicate: Desk, replicate_client: Client
) -> None:
    def work() -> list[Any]:
        file = replicate_client.files.create(
            io.BytesIO(b"bytes"), filename="a.jpg", metadata={"a": 1}
        )
        listed = [one.id for one in replicate_client.files.list()]
        found = replicate_client.files.get(file.id)
        is_deleted = replicate_client.files.delete(file.id)
        account = replicate_client.accounts.current()
        model = replicate_client.models.get(BANANA)
        return [listed == [file.id], found.size, found.metadata, is_deleted, account.type, model.id]

    assert await asyncio.to_thread(work) == [True, 5, {"a": 1}, True, "organization", BANANA]


@pytest.fixture
def fal(fal_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[fal_client.SyncClient]:
    """fal's own client; its environment variables name hosts, always behind https, so its
    constants for the addresses are changed, and nothing else.
    """
    monkeypatch.setattr(fal_constants, "QUEUE_URL_FORMAT", f"{fal_desk.base_url}/")
    monkeypatch.setattr(fal_constants, "REST_URL", f"{fal_desk.base_url}/rest")
    monkeypatch.setattr(fal_constants, "CDN_URL", f"{fal_desk.base_url}/cdn")
    client = fal_client.SyncClient(key=fal_desk.key)
    yield client
    client._client.close()


async def test_fals_client_submits_and_waits(fal_desk: Desk, fal: fal_client.SyncClient) -> None:
    def work() -> list[Any]:
        handle = fal.submit(FAL_BANANA, {"prompt": "p [[sim:polls=2]]"})
        first = handle.status()
        result = fal.result(FAL_BANANA, handle.request_id)
        return [type(first), type(handle.status()), result["images"][0]]

    first, last, file = await asyncio.to_thread(work)

    assert (first, last) == (fal_client.InProgress, fal_client.Completed)
    assert seen(await fetch(fal_desk, file["url"]))[0] == "PNG"


# The client leaves the connections of its uploads to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
async def test_fals_client_uploads(fal_desk: Desk, fal: fal_client.SyncClient) -> None:
    content = picture(120, 90)

    def work() -> Any:
        address = fal.upload(content, "image/jpeg", "cat.jpg", fallback_repository=[])
        older = fal.upload(content, "image/jpeg", "cat.jpg", repository="fal")
        given = {"prompt": "p !", "image_urls": [address, older]}
        return fal.subscribe(FAL_EDIT, given, interval=0.01)

    await asyncio.to_thread(work)

    received = (await fal_desk.task())["input"]["image_urls"]
    assert [shown["sha256"] for shown in received] == [sha256(content)] * 2
    gc.collect()


async def test_fals_client_cancels(fal_desk: Desk, fal: fal_client.SyncClient) -> None:
    def work() -> None:
        handle = fal.submit(FAL_BANANA, {"prompt": "p [[sim:slow=600]]"})
        fal.cancel(FAL_BANANA, handle.request_id)

    await asyncio.to_thread(work)

    assert await fal_desk.charged_usd() == []


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"prompt": "p [[sim:moderated]]"}, 422),
        ({"promt": "p"}, 422),
        ({"prompt": "p [[sim:locked]]"}, 403),
    ],
)
async def test_fals_client_sees_errors(
    fal_desk: Desk, fal: fal_client.SyncClient, given: dict[str, Any], status: int
) -> None:
    with pytest.raises(FalClientHTTPError) as caught:
        await asyncio.to_thread(fal.subscribe, FAL_BANANA, given, interval=0.01)

    assert caught.value.status_code == status


@pytest.fixture
async def openai_desk() -> AsyncGenerator[Desk]:
    async with open_desk("openai") as desk:
        yield desk


@pytest.fixture
async def openai_client(openai_desk: Desk) -> AsyncGenerator[openai.AsyncOpenAI]:
    """OpenAI's own library, as it comes."""
    url = f"{openai_desk.base_url}/v1"
    async with openai.AsyncOpenAI(base_url=url, api_key=openai_desk.key, max_retries=0) as client:
        yield client


def file(content: bytes, name: str = "a.jpg", kind: str = "image/jpeg") -> Any:
    return (name, content, kind)


async def test_openais_client_makes_a_picture(openai_client: openai.AsyncOpenAI) -> None:
    made = await openai_client.images.generate(
        model="gpt-image-2", prompt="a cat", size="1536x1024", output_format="jpeg", n=2
    )

    assert made.data
    assert made.usage
    assert made.usage.total_tokens == made.usage.input_tokens + made.usage.output_tokens
    assert [seen(base64.b64decode(item.b64_json or "")) for item in made.data] == [
        ("JPEG", (1536, 1024))
    ] * 2


async def test_openais_client_edits_with_a_mask(
    openai_client: openai.AsyncOpenAI, openai_desk: Desk
) -> None:
    made = await openai_client.images.edit(
        model="gpt-image-1.5",
        prompt="a hat for the cat",
        image=[file(picture(64, 48)), file(picture(48, 64, kind="PNG"), "b.png", "image/png")],
        mask=file(alpha_mask(64, 48), "mask.png", "image/png"),
        input_fidelity="high",
    )

    assert made.data
    task = await openai_desk.task()
    assert [note["width"] for note in task["input"]["images"]] == [64, 48]
    assert task["input"]["mask"]["width"] == 64


async def test_openais_client_edits_a_single_picture(openai_client: openai.AsyncOpenAI) -> None:
    made = await openai_client.images.edit(
        model="gpt-image-1-mini", prompt="blue", image=file(picture()), size="1024x1024"
    )

    assert made.data


@pytest.mark.parametrize(
    ("mark", "kind", "code"),
    [
        ("moderated", openai.BadRequestError, "moderation_blocked"),
        ("402", openai.RateLimitError, "insufficient_quota"),
        ("429=1", openai.RateLimitError, "rate_limit_exceeded"),
        ("fail", openai.InternalServerError, None),
        ("drop_after_accept", openai.APIConnectionError, None),
    ],
)
async def test_openais_client_understands_the_errors(
    openai_client: openai.AsyncOpenAI, mark: str, kind: type[openai.APIError], code: str | None
) -> None:
    with pytest.raises(kind) as caught:
        await openai_client.images.generate(model="gpt-image-2", prompt=f"[[sim:{mark}]]")

    assert caught.value.code == code


async def test_openais_client_waits_and_tries_again(
    openai_client: openai.AsyncOpenAI, openai_desk: Desk
) -> None:
    patient = openai_client.with_options(max_retries=2)

    made = await patient.images.generate(model="gpt-image-2", prompt="[[sim:429=1]]")

    assert made.data
    assert len(await openai_desk.charged_usd()) == 1


async def test_openais_client_lists_models_and_knows_who_may_not(
    openai_client: openai.AsyncOpenAI,
) -> None:
    names = [model.id async for model in openai_client.models.list()]

    assert names == ["gpt-image-1-mini", "gpt-image-1.5", "gpt-image-2"]
    with pytest.raises(openai.AuthenticationError):
        await openai_client.with_options(api_key="sk-wrong").models.list()
    with pytest.raises(openai.NotFoundError):
        await openai_client.images.generate(model="gpt-image-1", prompt="a cat")
