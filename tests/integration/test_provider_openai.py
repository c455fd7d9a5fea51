"""The OpenAI adapter against the simulated API, and against servers that only resemble it."""

import errno
import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from imgbot.domain.errors import ProviderError, ProviderErrorKind as Kind
from imgbot.domain.operations import Operation
from imgbot.providers import http
from imgbot.providers.config import ProviderConfig
from imgbot.providers.http import Timeouts
from imgbot.providers.openai import OpenAiProvider
from imgbot.providers.openai_spec import OpenAiSpec, read_openai
from imgbot.providers.protocol import Cancelled, Done, GenerationRequest, Output
from imgbot.providers.spec_file import parse, read_preset
from tests.support.orders import make_order
from tests.support.sandbox import picture
from tests.support.scripted import Script
from tests.support.sim_desk import Desk, seen, sha256

pytestmark = pytest.mark.simulator("openai")

KEY = "sim-openai-key"
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
async def provider(desk: Desk) -> AsyncGenerator[OpenAiProvider]:
    async with opened(read_openai(read_preset("openai")), desk) as provider:
        yield provider


@asynccontextmanager
async def opened(
    spec: OpenAiSpec, desk: Desk | Script, **config: Any
) -> AsyncGenerator[OpenAiProvider]:
    url = f"{desk.base_url}/v1" if isinstance(desk, Desk) else f"{desk.url}/v1"
    fields: dict[str, Any] = {"url": url, "key": KEY} | config
    provider = OpenAiProvider("openai", spec, ProviderConfig(**fields))
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
    return read_openai(parse("local.toml", LOCAL))


async def test_words_become_a_picture_of_the_wanted_shape(
    desk: Desk, provider: OpenAiProvider, tmp_path: Path
) -> None:
    order = make_order(tmp_path, Operation.CREATE, "a fox", ratio="16:9")

    output = await made(provider, order)
    await provider.fetch(output, tmp_path / "result")

    assert output == Output(path=str(order.target))
    assert seen((tmp_path / "result").read_bytes()) == ("JPEG", (1360, 768))
    task = await desk.task()
    assert task["input"] == {
        "model": "gpt-image-2",
        "prompt": "a fox",
        "size": "1360x768",
        "quality": "medium",
        "output_format": "jpeg",
    }


async def test_pictures_arrive_whole_and_in_their_order(
    desk: Desk, provider: OpenAiProvider, tmp_path: Path
) -> None:
    contents = [picture(90 + side, 90, kind=kind) for side, kind in enumerate(["PNG", "JPEG"] * 5)]
    order = make_order(tmp_path, Operation.MERGE, "together", pictures=contents)

    await made(provider, order)

    task = await desk.task()
    assert task["operation"] == "merge"
    assert [image["sha256"] for image in task["input"]["images"]] == [
        sha256(content) for content in contents
    ]
    assert "size" not in task["input"]


async def test_a_retouch_says_what_is_meant_and_then_what_the_person_says(
    desk: Desk, provider: OpenAiProvider, tmp_path: Path
) -> None:
    order = make_order(tmp_path, Operation.RETOUCH, "keep the hat", pictures=1, ratio="9:16")

    await made(provider, order)

    told = (await desk.task())["input"]
    assert told["prompt"].startswith("Restore this photograph")
    assert told["prompt"].endswith(" keep the hat")
    assert (told["input_fidelity"], told["size"]) == ("high", "auto")


async def test_where_nothing_is_said_the_file_speaks(
    desk: Desk, provider: OpenAiProvider, tmp_path: Path
) -> None:
    await made(provider, make_order(tmp_path, Operation.MERGE, pictures=2))

    told = (await desk.task())["input"]
    assert told["prompt"] == "Combine these pictures into one natural, well composed scene."


@pytest.mark.parametrize(
    ("mark", "kind", "is_billed"),
    [
        ("moderated", Kind.MODERATED, False),
        ("402", Kind.NO_CREDIT, False),
        ("429", Kind.RATE_LIMITED, False),
        ("5xx_on_submit", Kind.UNAVAILABLE, False),
        ("fail", Kind.SUBMIT_UNKNOWN, None),
        ("empty", Kind.FAILED, None),
        ("null", Kind.FAILED, None),
        ("html", Kind.SUBMIT_UNKNOWN, None),
        ("malformed", Kind.SUBMIT_UNKNOWN, None),
        ("garbled_submit", Kind.SUBMIT_UNKNOWN, None),
        ("drop_after_accept", Kind.SUBMIT_UNKNOWN, None),
        ("huge", Kind.SUBMIT_UNKNOWN, None),
    ],
)
async def test_every_trouble_is_named_and_ordered_once(
    desk: Desk,
    provider: OpenAiProvider,
    tmp_path: Path,
    mark: str,
    kind: Kind,
    is_billed: bool | None,
) -> None:
    order = make_order(tmp_path, Operation.EDIT, f"blue [[sim:{mark}=1]]", pictures=1)

    error = await refused(provider, order)

    assert (error.kind, error.is_billed) == (kind, is_billed), error
    assert error.retry_after_s == (1.0 if mark == "429" else None)
    assert len((await desk.view())["requests"]) == 1


async def test_patience_ends_and_nobody_knows(desk: Desk, tmp_path: Path) -> None:
    spec = read_openai(read_preset("openai"))
    deadlines = Timeouts(submit_s=0.5)

    async with opened(spec, desk, deadlines=deadlines) as provider:
        order = make_order(tmp_path, Operation.CREATE, "a cat [[sim:slow=600]]")
        error = await refused(provider, order)

    assert error.kind is Kind.SUBMIT_UNKNOWN


async def test_a_wrong_key_is_not_told_to_the_log(desk: Desk, tmp_path: Path) -> None:
    spec = read_openai(read_preset("openai"))

    async with opened(spec, desk, key="sk-0123456789") as provider:
        error = await refused(provider, make_order(tmp_path, Operation.CREATE, "a cat"))

    assert (error.kind, error.is_billed) == (Kind.AUTH, False)
    assert "0123456789" not in str(error)


async def test_a_picture_that_is_none_is_handed_on_for_the_check(
    provider: OpenAiProvider, tmp_path: Path
) -> None:
    order = make_order(tmp_path, Operation.CREATE, "a cat [[sim:not_a_picture]]")

    await made(provider, order)

    assert order.target.read_bytes().startswith(b"<!doctype html>")


async def test_what_is_not_offered_is_not_ordered(
    desk: Desk, provider: OpenAiProvider, tmp_path: Path
) -> None:
    order = make_order(tmp_path, Operation.UPSCALE, pictures=1)

    assert (await refused(provider, order)).kind is Kind.INVALID
    assert (await desk.view())["requests"] == []


async def test_there_is_no_task_to_ask_for(provider: OpenAiProvider) -> None:
    for asked in (provider.poll({"id": "1"}), provider.look_up("job-1")):
        with pytest.raises(ProviderError) as refusal:
            await asked
        assert refusal.value.kind is Kind.LOST
    assert await provider.cancel({"id": "1"}) is Cancelled.UNSUPPORTED


async def test_a_file_that_is_gone_has_expired(provider: OpenAiProvider, tmp_path: Path) -> None:
    with pytest.raises(ProviderError) as refusal:
        await provider.fetch(Output(path=str(tmp_path / "gone.jpg")), tmp_path / "result")

    assert refusal.value.kind is Kind.EXPIRED


@pytest.mark.parametrize("response_format", ["none", "b64_json"])
async def test_localai_answers_with_an_address_or_as_it_is_asked(
    desk: Desk, tmp_path: Path, response_format: str
) -> None:
    await desk.set(marks="[[sim:localai]]")
    spec = read_openai(parse("local.toml", f'response_format = "{response_format}"\n{LOCAL}'))

    async with opened(spec, desk, key="") as provider:
        order = make_order(tmp_path, Operation.CREATE, "a cat", ratio="2:1")
        output = await made(provider, order)
        await provider.fetch(output, tmp_path / "result")

    assert bool(output.url) == (response_format == "none")
    assert seen((tmp_path / "result").read_bytes()) == ("PNG", (704, 384))


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
    assert b'name="image"; filename="source-0.png"\r\nContent-Type: image/png\r\n' in body
    assert b'name="tiling"\r\n\r\ntrue\r\n' in body
    assert b'name="model"' not in body
    assert order.target.read_bytes() == b"hi"


async def test_a_server_that_is_not_there_was_not_asked(script: Script, tmp_path: Path) -> None:
    async with opened(local_spec(), script, url="http://127.0.0.1:9/v1") as provider:
        error = await refused(provider, make_order(tmp_path, Operation.CREATE, "a cat"))

    assert error.kind is Kind.UNAVAILABLE


async def test_a_picture_in_the_answer_waits_until_the_disk_has_room(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.on("POST /v1/images/generations", {"data": [{"b64_json": "aGk"}]})
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(os, "fsync", Mock(side_effect=[full, full, None, None]))
    monkeypatch.setattr(http, "_ROOM_AGAIN_S", 0.0, raising=False)
    order = make_order(tmp_path, Operation.CREATE, "a fox")

    async with opened(read_openai(read_preset("openai")), script) as provider:
        output = await made(provider, order)

    assert output.path == str(order.target)
    assert order.target.read_bytes() == b"hi"
    assert len(script.asked) == 1
