"""The vendors' own client libraries, unmodified, against the canned exchanges.

What the exchanges say is checked by those who know: a response that a vendor's own client does
not understand is none of that vendor's.
"""

import asyncio
import base64
import io
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
BANANA = "google/nano-banana-2.1"
WORDS = {"prompt": "a lake", "image_input": [], "aspect_ratio": "16:9", "output_format": "jpg"}
FAL_WORDS = FAL.orders["create"]["sends"]


@contextmanager
def speaking(vendor: Any, *names: str, order: str = "create") -> Iterator[Network]:
    """A network on which these exchanges happen, all of them."""
    with network("") as net:
        net.expect(vendor.exchanges(names, order))
        yield net
        assert not net.left, [one.name for one in net.left]


@dataclass(frozen=True)
class Clients:
    """The vendors' own clients, each with the key of its exchanges."""

    replicate: Client
    fal: fal_client.SyncClient
    openai: openai.AsyncOpenAI

    async def run(self) -> Any:
        return await asyncio.to_thread(self.replicate.run, BANANA, WORDS, wait=False)

    async def subscribe(self) -> Any:
        ask = self.fal.subscribe
        return await asyncio.to_thread(ask, "google/nano-banana-2.1", FAL_WORDS, interval=0.01)

    async def generate(self) -> Any:
        return await self.openai.images.generate(**OPENAI.orders["create"]["sends"])

    async def edit(self) -> Any:
        files: Any = [(f"{index}.jpg", picture(), "image/jpeg") for index in range(2)]
        return await self.openai.images.edit(model="gpt-image-2", prompt="a lake", image=files)


@pytest.fixture
async def clients() -> AsyncGenerator[Clients]:
    replicate, fal = Client(REPLICATE.data["key"]), fal_client.SyncClient(key=FAL.data["key"])
    replicate.poll_interval = 0.01
    # OpenAI's own library, on the HTTP client that the exchanges stand in for.
    http: Any = httpx.AsyncClient()
    key = OPENAI.data["key"]
    async with openai.AsyncOpenAI(api_key=key, max_retries=0, http_client=http) as client:
        yield Clients(replicate, fal, client)
    replicate._client.close()
    fal._client.close()


Ask = Callable[[Clients], Awaitable[Any]]
REFUSALS: Sequence[tuple[Any, Ask, str, type[Exception], str]] = [
    (REPLICATE, Clients.run, "created moderated", ModelError, "E005"),
    (REPLICATE, Clients.run, "created failed", ModelError, "E1000"),
    (REPLICATE, Clients.run, "wrong_input", ReplicateError, "Input validation failed"),
    (REPLICATE, Clients.run, "no_credit", ReplicateError, "Insufficient credit"),
    (REPLICATE, Clients.run, "unauthenticated", ReplicateError, "Unauthenticated"),
    (REPLICATE, Clients.run, "no_model", ReplicateError, "could not be found"),
    (REPLICATE, Clients.run, "throttled", ReplicateError, "throttled"),
    (FAL, Clients.subscribe, "locked", FalClientHTTPError, "403"),
    (FAL, Clients.subscribe, "unauthenticated", FalClientHTTPError, "401"),
    (FAL, Clients.subscribe, "created completed moderated", FalClientHTTPError, "422"),
    (FAL, Clients.subscribe, "created completed wrong_image", FalClientHTTPError, "422"),
    (FAL, Clients.subscribe, "created completed result_gone", FalClientHTTPError, "404"),
    (OPENAI, Clients.generate, "moderated", openai.BadRequestError, "moderation_blocked"),
    (OPENAI, Clients.generate, "wrong_image", openai.BadRequestError, "invalid_image_file"),
    (OPENAI, Clients.generate, "wrong_key", openai.AuthenticationError, "invalid_api_key"),
    (OPENAI, Clients.generate, "no_model", openai.NotFoundError, "model_not_found"),
    (OPENAI, Clients.generate, "no_credit", openai.RateLimitError, "insufficient_quota"),
    (OPENAI, Clients.generate, "throttled", openai.RateLimitError, "rate_limit_exceeded"),
    (OPENAI, Clients.generate, "failed", openai.InternalServerError, "None"),
    (OPENAI, Clients.generate, "overloaded", openai.InternalServerError, "None"),
    (OPENAI, Clients.generate, "broken", openai.APIConnectionError, "None"),
]


@pytest.mark.parametrize(
    ("vendor", "ask", "happens", "kind", "said"),
    REFUSALS,
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
async def test_each_client_understands_the_refusals_of_its_vendor(
    clients: Clients, vendor: Any, ask: Ask, happens: str, kind: type[Exception], said: str
) -> None:
    with speaking(vendor, *happens.split()), pytest.raises(kind) as caught:
        await ask(clients)

    error: Any = caught.value
    told = {FAL.name: "status_code", OPENAI.name: "code"}.get(vendor.name)
    assert str(getattr(error, told)) == said if told else said in str(error)


@pytest.mark.parametrize(
    ("happens", "output"),
    [
        ("succeeded", "https://replicate.delivery/xezq/abc/out.jpg"),
        ("succeeded_list", ["https://replicate.delivery/xezq/abc/out.jpg"]),
    ],
)
async def test_replicates_client_runs_a_model(clients: Clients, happens: str, output: Any) -> None:
    with speaking(REPLICATE, "created", "processing", happens):
        made = await clients.run()

    assert ([one.url for one in made] if isinstance(made, list) else made.url) == output


async def test_replicates_client_lists_cancels_uploads_and_knows_the_account(
    clients: Clients,
) -> None:
    replicate = clients.replicate

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


async def test_replicates_client_accepts_the_webhook_and_no_forged_one(clients: Clients) -> None:
    hook = REPLICATE.data["webhook"]
    with speaking(REPLICATE, "hook_key"):
        secret = await asyncio.to_thread(clients.replicate.webhooks.default.secret)
    assert isinstance(secret, WebhookSigningSecret)

    headers, body = dict(hook["headers"]), hook["body"]
    Webhooks.validate(headers=headers, body=body, secret=secret)
    forged = headers | {"webhook-signature": "v1,AAAA"}
    with pytest.raises(InvalidSignatureError):
        Webhooks.validate(headers=forged, body=body, secret=secret)


async def test_fals_client_submits_waits_and_cancels(clients: Clients) -> None:
    def work() -> list[Any]:
        handle = clients.fal.submit("google/nano-banana-2.1", FAL_WORDS)
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
async def test_fals_client_uploads(clients: Clients) -> None:
    with speaking(FAL, "token", "stored"):
        address = await asyncio.to_thread(clients.fal.upload, picture(), "image/jpeg", "source.jpg")

    assert address == "https://v3.fal.media/files/lion/source.jpg"


@pytest.mark.parametrize(("ask", "order"), [(Clients.generate, "create"), (Clients.edit, "merge")])
async def test_openais_client_gets_a_picture(clients: Clients, ask: Ask, order: str) -> None:
    with speaking(OPENAI, "made", order=order):
        made = await ask(clients)

    assert made.usage.total_tokens == made.usage.input_tokens + made.usage.output_tokens
    assert seen(base64.b64decode(made.data[0].b64_json)) == ("JPEG", (64, 48))
