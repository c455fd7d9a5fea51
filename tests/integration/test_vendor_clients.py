"""The vendors' own client libraries, unmodified, against the canned exchanges.

What the exchanges say is checked by those who know: a response that a vendor's own client does
not understand is none of that vendor's.
"""

import asyncio
import base64
import io
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import fal_client
import httpx
import openai
import pytest
from fal_client.client import FalClientHTTPError
from replicate.client import Client
from replicate.exceptions import ModelError, ReplicateError
from replicate.webhook import InvalidSignatureError, Webhooks, WebhookSigningSecret

from tests.fakes.exchanges import Network, network, read_vendor
from tests.fixtures.sandbox import picture, seen

REPLICATE, FAL, OPENAI = (read_vendor(name) for name in ("replicate", "fal", "openai"))
BANANA = "google/nano-banana-2"
WORDS = {
    "prompt": "a lake",
    "image_input": [],
    "aspect_ratio": "16:9",
    "output_format": "jpg",
}
FAL_WORDS = FAL.orders["create"]["sends"]


@contextmanager
def speaking(vendor: Any, *names: str, order: str = "create") -> Iterator[Network]:
    """A network on which these exchanges happen, all of them."""
    with network("") as net:
        net.expect(vendor.exchanges(names, order))
        yield net
        assert not net.left, [one.name for one in net.left]


@pytest.fixture
def replicate() -> Iterator[Client]:
    client = Client(api_token=REPLICATE.data["key"])
    client.poll_interval = 0.01
    yield client
    client._client.close()


@pytest.mark.parametrize(
    ("happens", "output"),
    [
        (["processing", "succeeded"], "https://replicate.delivery/xezq/abc/out.jpg"),
        (["processing", "succeeded_list"], ["https://replicate.delivery/xezq/abc/out.jpg"]),
    ],
)
async def test_replicates_client_runs_a_model(
    replicate: Client, happens: list[str], output: Any
) -> None:
    with speaking(REPLICATE, "created", *happens):
        made: Any = await asyncio.to_thread(replicate.run, BANANA, WORDS, wait=False)

    assert ([one.url for one in made] if isinstance(made, list) else made.url) == output


@pytest.mark.parametrize(
    ("happens", "kind", "said"),
    [
        (["created", "moderated"], ModelError, "E005"),
        (["created", "failed"], ModelError, "E1000"),
        (["wrong_input"], ReplicateError, "Input validation failed"),
        (["no_credit"], ReplicateError, "Insufficient credit"),
        (["unauthenticated"], ReplicateError, "Unauthenticated"),
        (["no_model"], ReplicateError, "could not be found"),
        (["throttled"], ReplicateError, "throttled"),
    ],
)
async def test_replicates_client_sees_errors(
    replicate: Client, happens: list[str], kind: type[Exception], said: str
) -> None:
    with speaking(REPLICATE, *happens), pytest.raises(kind, match=said):
        await asyncio.to_thread(replicate.run, BANANA, WORDS, wait=False)


async def test_replicates_client_lists_cancels_uploads_and_knows_the_account(
    replicate: Client,
) -> None:
    def work() -> list[Any]:
        task = replicate.models.predictions.create(BANANA, WORDS)
        stopped = replicate.predictions.cancel(task.id)
        page = replicate.predictions.list()
        following = replicate.predictions.list(page.next or ...)
        file = replicate.files.create(io.BytesIO(b"bytes"), filename="a.jpg")
        account = replicate.accounts.current()
        return [stopped.status, page.results[0].id, len(following), file.urls["get"], account.type]

    happens = ("created", "cancelled", "listed", "listed_second_page", "file", "account")
    with speaking(REPLICATE, *happens):
        told = await asyncio.to_thread(work)

    kept = "https://api.replicate.com/v1/files/cneqzikepnug6xezperrr4z55o"
    assert told == ["canceled", "other1", 2, kept, "organization"]


@pytest.mark.parametrize("is_forged", [False, True])
async def test_replicates_client_accepts_the_webhook(replicate: Client, is_forged: bool) -> None:
    hook = REPLICATE.data["webhook"]
    headers = dict(hook["headers"]) | ({"webhook-signature": "v1,AAAA"} if is_forged else {})
    with speaking(REPLICATE, "hook_key"):
        secret = await asyncio.to_thread(replicate.webhooks.default.secret)
    assert isinstance(secret, WebhookSigningSecret)

    def check() -> None:
        Webhooks.validate(headers=headers, body=hook["body"], secret=secret)

    if is_forged:
        with pytest.raises(InvalidSignatureError):
            check()
    else:
        check()


@pytest.fixture
def fal() -> Iterator[fal_client.SyncClient]:
    client = fal_client.SyncClient(key=FAL.data["key"])
    yield client
    client._client.close()


async def test_fals_client_submits_waits_and_cancels(fal: fal_client.SyncClient) -> None:
    def work() -> list[Any]:
        handle = fal.submit("fal-ai/nano-banana-2", FAL_WORDS)
        states = [type(handle.status()) for _ in range(3)]
        result = handle.get()
        handle.cancel()
        return [*states, result["images"][0]["url"]]

    happens = ("queued", "in_progress", "completed", "completed", "result", "cancelled")
    with speaking(FAL, "created", *happens):
        told = await asyncio.to_thread(work)

    assert told == [
        *(fal_client.Queued, fal_client.InProgress, fal_client.Completed),
        "https://v3.fal.media/files/zebra/out.jpg",
    ]


# The client leaves the connections of its uploads to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
async def test_fals_client_uploads(fal: fal_client.SyncClient) -> None:
    with speaking(FAL, "token", "stored"):
        address = await asyncio.to_thread(fal.upload, picture(), "image/jpeg", "source.jpg")

    assert address == "https://v3.fal.media/files/lion/source.jpg"


@pytest.mark.parametrize(
    ("happens", "status"),
    [
        (["locked"], 403),
        (["unauthenticated"], 401),
        (["created", "completed", "moderated"], 422),
        (["created", "completed", "wrong_image"], 422),
        (["created", "completed", "result_gone"], 404),
    ],
)
async def test_fals_client_sees_errors(
    fal: fal_client.SyncClient, happens: list[str], status: int
) -> None:
    with speaking(FAL, *happens), pytest.raises(FalClientHTTPError) as caught:
        await asyncio.to_thread(fal.subscribe, "fal-ai/nano-banana-2", FAL_WORDS, interval=0.01)

    assert caught.value.status_code == status


@pytest.fixture
async def client() -> AsyncGenerator[openai.AsyncOpenAI]:
    """OpenAI's own library, on the HTTP client that the exchanges stand in for."""
    http: Any = httpx.AsyncClient()
    key = OPENAI.data["key"]
    async with openai.AsyncOpenAI(api_key=key, max_retries=0, http_client=http) as client:
        yield client


Ask = Callable[[openai.AsyncOpenAI], Any]


def create(client: openai.AsyncOpenAI) -> Any:
    return client.images.generate(**OPENAI.orders["create"]["sends"])


def edit(client: openai.AsyncOpenAI) -> Any:
    files: Any = [(f"{index}.jpg", picture(), "image/jpeg") for index in range(2)]
    return client.images.edit(model="gpt-image-2", prompt="a lake", image=files)


@pytest.mark.parametrize(("ask", "order"), [(create, "create"), (edit, "merge")])
async def test_openais_client_gets_a_picture(
    client: openai.AsyncOpenAI, ask: Ask, order: str
) -> None:
    with speaking(OPENAI, "made", order=order):
        made = await ask(client)

    assert made.usage.total_tokens == made.usage.input_tokens + made.usage.output_tokens
    assert seen(base64.b64decode(made.data[0].b64_json)) == ("JPEG", (64, 48))


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        ("moderated", openai.BadRequestError, "moderation_blocked"),
        ("wrong_image", openai.BadRequestError, "invalid_image_file"),
        ("wrong_key", openai.AuthenticationError, "invalid_api_key"),
        ("no_model", openai.NotFoundError, "model_not_found"),
        ("no_credit", openai.RateLimitError, "insufficient_quota"),
        ("throttled", openai.RateLimitError, "rate_limit_exceeded"),
        ("failed", openai.InternalServerError, None),
        ("overloaded", openai.InternalServerError, None),
        ("broken", openai.APIConnectionError, None),
    ],
)
async def test_openais_client_understands_the_errors(
    client: openai.AsyncOpenAI, answer: str, kind: type[openai.APIError], code: str | None
) -> None:
    with speaking(OPENAI, answer), pytest.raises(kind) as caught:
        await create(client)

    assert caught.value.code == code
