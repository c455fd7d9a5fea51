"""The OpenAI adapter: forms and prompts, its patience, and servers that only resemble the API."""

import base64
import errno
import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from imgbot.domain.errors import ProviderError, ProviderErrorKind as Kind
from imgbot.domain.operations import Operation
from imgbot.providers import http
from imgbot.providers.openai import OpenAiProvider, OpenAiSpec
from imgbot.providers.protocol import Done, GenerationRequest, Output, ProviderConfig
from imgbot.providers.spec_file import parse_file, read_preset, validate
from tests.fakes.exchanges import Network, open_network, read_vendor
from tests.fakes.scripted_server import Script
from tests.fixtures.requests import make_order
from tests.fixtures.sandbox import picture, seen

KEY = "sk-openai-key"
OPENAI = read_vendor("openai")
LOCAL = """\
adapter = "openai"
url = "http://127.0.0.1:8080/v1"
headers = { "X-Organisation" = "us", "api-key" = "{key}" }
edit_field = "image"
sizes = { area_px = 262_144, multiple_of_px = 64, default = "512x512" }
[[models]]
operations = ["create", "edit", "merge"]
pictures = 3
body = { step = 9, tiling = true }
"""


@pytest.fixture
async def net() -> AsyncGenerator[Network]:
    async with open_network(f"Bearer {KEY}") as net:
        yield net
        assert not net.left


@pytest.fixture
async def provider(net: Network) -> AsyncGenerator[OpenAiProvider]:
    spec = validate(read_preset("openai"), OpenAiSpec)
    provider = OpenAiProvider(spec, ProviderConfig(key=KEY))
    yield provider
    await provider.aclose()


@asynccontextmanager
async def opened(spec: OpenAiSpec, script: Script, **config: Any) -> AsyncGenerator[OpenAiProvider]:
    fields: dict[str, Any] = {"url": f"{script.url}/v1", "key": KEY} | config
    provider = OpenAiProvider(spec, ProviderConfig(**fields))
    yield provider
    await provider.aclose()


async def made(provider: OpenAiProvider, order: GenerationRequest) -> Output:
    answer = await provider.submit(order)
    assert isinstance(answer, Done)
    return answer.outputs[0]


async def refused(provider: OpenAiProvider, order: GenerationRequest) -> ProviderError:
    with pytest.raises(ProviderError) as refusal:
        await provider.submit(order)
    assert not order.target.exists()
    return refusal.value


def local_spec() -> OpenAiSpec:
    return validate(parse_file("local.toml", LOCAL), OpenAiSpec)


async def test_pictures_arrive_whole_and_in_their_order(
    net: Network, provider: OpenAiProvider, tmp_path: Path
) -> None:
    contents = [picture(90 + side, 90, kind=kind) for side, kind in enumerate(["PNG", "JPEG"] * 5)]
    net.expect(OPENAI.exchanges(["made"], "merge"))

    output = await made(provider, make_order(tmp_path, Operation.MERGE, "one", pictures=contents))
    await provider.fetch(output, tmp_path / "result")

    places = [net.asked[0].content.index(content) for content in contents]
    assert places == sorted(places)
    assert b'name="size"' not in net.asked[0].content
    assert seen((tmp_path / "result").read_bytes()) == ("JPEG", (64, 48))


@pytest.mark.parametrize(
    ("operation", "words", "parts"),
    [
        (
            Operation.RETOUCH,
            "keep the hat",
            (b"Restore this photograph", b"as they are. keep the hat\r\n", b"high", b"auto"),
        ),
        (Operation.MERGE, "", (b"Combine these pictures into one natural, well composed scene.",)),
    ],
)
async def test_the_file_speaks_before_the_person_and_where_nothing_is_said(
    net: Network,
    provider: OpenAiProvider,
    tmp_path: Path,
    operation: Operation,
    words: str,
    parts: tuple[bytes, ...],
) -> None:
    net.expect(OPENAI.exchanges(["made"], operation))

    await made(provider, make_order(tmp_path, operation, words, pictures=2, ratio="9:16"))

    assert [part for part in parts if part not in net.asked[0].content] == []


async def test_an_endless_answer_is_cut_off(
    provider: OpenAiProvider, net: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider._client, "_answer_limit_bytes", 100)
    [answer] = OPENAI.exchanges(["made"])
    net.expect([replace(answer, sends=None)])

    error = await refused(provider, make_order(tmp_path, Operation.CREATE, "a cat"))

    assert error.kind is Kind.SUBMIT_UNKNOWN


async def test_what_is_not_offered_is_not_ordered(
    net: Network, provider: OpenAiProvider, tmp_path: Path
) -> None:
    order = make_order(tmp_path, Operation.UPSCALE, pictures=1)

    assert (await refused(provider, order)).kind is Kind.INVALID
    assert net.asked == []


async def test_localai_is_asked_for_the_picture_itself(script: Script, tmp_path: Path) -> None:
    content = picture(704, 384, kind="PNG")
    encoded = base64.b64encode(content).decode()
    script.on("POST /v1/images/generations", {"created": 1, "data": [{"b64_json": encoded}]})
    spec = validate(parse_file("local.toml", f'response_format = "b64_json"\n{LOCAL}'), OpenAiSpec)

    async with opened(spec, script, key="") as provider:
        order = make_order(tmp_path, Operation.CREATE, "a cat", ratio="2:1")
        await made(provider, order)

    sent = json.loads(script.asked[0].body)
    assert (sent["response_format"], sent["size"]) == ("b64_json", "704x384")
    assert order.target.read_bytes() == content


async def test_an_address_below_the_server_is_completed_and_fetched_without_the_key(
    script: Script, tmp_path: Path
) -> None:
    script.on("POST /v1/images/generations", {"data": [{"url": "/files/made.png"}]})
    script.on("GET /files/made.png", picture(kind="PNG"))

    async with opened(local_spec(), script) as provider:
        output = await made(provider, make_order(tmp_path, Operation.CREATE, "a cat"))
        await provider.fetch(output, tmp_path / "result")

    asked, fetched = script.asked
    assert (asked.headers["api-key"], asked.headers["X-Organisation"]) == (KEY, "us")
    assert "Authorization" not in asked.headers
    assert KEY not in str(dict(fetched.headers))
    assert json.loads(asked.body) == {
        "prompt": "a cat",
        "size": "512x512",
        "step": 9,
        "tiling": True,
    }


async def test_an_address_elsewhere_on_the_inside_is_not_fetched(
    script: Script, tmp_path: Path
) -> None:
    script.on("POST /v1/images/generations", {"data": [{"url": "https://127.0.0.1:9/made.png"}]})

    async with opened(local_spec(), script) as provider:
        output = await made(provider, make_order(tmp_path, Operation.CREATE, "a cat"))
        with pytest.raises(ProviderError) as refusal:
            await provider.fetch(output, tmp_path / "result")

    assert refusal.value.kind is Kind.FAILED


async def test_a_form_names_its_pictures_as_the_server_wants(
    script: Script, tmp_path: Path
) -> None:
    script.on("POST /v1/images/edits", {"data": [{"b64_json": "aGk"}]})

    async with opened(local_spec(), script) as provider:
        order = make_order(tmp_path, Operation.EDIT, "blue", pictures=[picture(kind="PNG")])
        await made(provider, order)

    body = script.asked[0].body
    [head] = [part for part in body.split(b"\r\n--") if b'filename="source-0.png"' in part]
    assert b'name="image"' in head
    assert b"Content-Type: image/png\r\n" in head
    assert b'name="tiling"\r\n\r\ntrue\r\n' in body
    assert b'name="model"' not in body
    assert order.target.read_bytes() == b"hi"


async def test_a_picture_in_the_answer_waits_until_the_disk_has_room(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.on("POST /v1/images/generations", {"data": [{"b64_json": "aGk"}]})
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(os, "fsync", Mock(side_effect=[full, full, None, None]))
    monkeypatch.setattr(http, "_ROOM_AGAIN_S", 0.0)
    order = make_order(tmp_path, Operation.CREATE, "a fox")

    async with opened(validate(read_preset("openai"), OpenAiSpec), script) as provider:
        output = await made(provider, order)

    assert output.path == str(order.target)
    assert order.target.read_bytes() == b"hi"
    assert len(script.asked) == 1
