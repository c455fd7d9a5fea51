"""Providers by a file: templates, paths, mistakes with their line, dry runs, signatures, HTTP."""

import asyncio
import errno
import gzip
import json
import math
import re
import socket
import tracemalloc
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, get_args
from unittest.mock import AsyncMock

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from imgbot.config.settings import key_names_of
from imgbot.domain.errors import ConfigError, ProviderError, ProviderErrorKind as Kind
from imgbot.domain.operations import Operation
from imgbot.domain.order_pace import OrderLimit
from imgbot.providers import http
from imgbot.providers.declarative import responses
from imgbot.providers.declarative.dry_run import dry_run
from imgbot.providers.declarative.provider import DeclaredProvider
from imgbot.providers.declarative.spec import Spec, read_spec
from imgbot.providers.declarative.templates import fill, first_text, pick
from imgbot.providers.factory import files_of, open_provider
from imgbot.providers.http import ProviderHttpClient, ProviderResponse
from imgbot.providers.protocol import Done, Output, Pending, ProviderConfig, chosen_model
from imgbot.providers.spec_file import LocatedTable, micro, parse_file, read_file, read_preset
from imgbot.providers.url_policy import Hosts, is_allowed, is_public
from imgbot.sandbox.simulated_provider import SPEC_FILE
from tests.fakes.scripted_server import Script
from tests.fixtures.bot import extending
from tests.fixtures.requests import KEY, make_order, submitted


def answered(status: int, content: Any) -> ProviderResponse:
    return ProviderResponse(status, {}, content, json.dumps(content))


PRESETS = ("replicate", "fal", "kie", "bfl", "wavespeed")
VALUES: dict[str, Any] = {
    "prompt": "a lake",
    "images": ["one", "two", "three"],
    "image": "one",
    "ratio": "16:9",
    "scale": 2,
    "seed": 7,
    "hook": "",
}
MAPS: dict[str, dict[str, Any]] = {"sizes": {"16:9": {"width": 16}, "default": "square"}}


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ({"n": "{seed}", "s": "{seed:str}"}, {"n": 7, "s": "7"}),
        ({"text": "say {prompt}!"}, {"text": "say a lake!"}),
        ({"a": "{images}", "b": ["{image}"]}, {"a": ["one", "two", "three"], "b": ["one"]}),
        ({"hook": "{hook?}", "url": "x?{hook?}", "n": 1}, {"n": 1}),
        ({"size": "{ratio|sizes}"}, {"size": {"width": 16}}),
        ({"size": "{scale|sizes}"}, {"size": "square"}),
        ({"i": "{image}", "i_{i}": "{images}"}, {"i": "one", "i_2": "two", "i_3": "three"}),
        ({"deep": {"list": [{"p": "{prompt}"}]}}, {"deep": {"list": [{"p": "a lake"}]}}),
    ],
)
def test_templates_are_filled_with_typed_values(template: Any, filled: Any) -> None:
    assert fill(template, VALUES, MAPS) == filled
    with pytest.raises(ProviderError, match="the request has no image"):
        fill({"image": "{image}"}, {"image": None}, {})


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.b", [1]),
        ("list[*].url", ["x", "y"]),
        ("list[1].url", ["y"]),
        ("list[9].url", []),
        ("null", []),
        ("a.b.c", []),
    ],
)
def test_paths_lead_to_what_is_there(path: str, found: list[Any]) -> None:
    content = {"a": {"b": 1}, "list": [{"url": "x"}, {"url": "y"}], "null": None}

    assert pick(content, path) == found


def test_what_is_stored_of_a_response_has_a_bound() -> None:
    poll, long = {"status": "succeeded"}, "https://files.example/" + "x" * 5000
    spec = read_spec(read_preset("replicate"))

    assert first_text({"long": long, "id": "t"}, ("long", "id")) == "t"
    with pytest.raises(ProviderError, match="failed: the URL of the result is too long"):
        Done((Output(responses.pictures(spec, answered(200, {**poll, "output": long}))[0]),))


@pytest.mark.parametrize(
    ("said", "wait_s"), [(2, 2.0), ("2.5", 2.5), (1e9, 3600.0), (-1, None), (math.nan, None)]
)
def test_the_wait_that_a_body_asks_for_is_a_number_in_bounds(said: Any, wait_s: float) -> None:
    content = {"detail": "slow down", "retry_after": said}

    refusal = responses.rejection(read_spec(read_preset("bfl")), "submit", answered(429, content))

    assert refusal is not None
    assert refusal.retry_after_s == wait_s


def test_only_the_beginning_of_an_error_text_is_searched() -> None:
    # A pattern may take a time that grows with the square of the text, which may have 16 MB.
    refusals = [
        responses.rejection(
            read_spec(read_preset("replicate")), "submit", answered(422, {"detail": said})
        )
        for said in ("x" * 1000 + " flagged as sensitive", "x" * 5000 + " flagged as sensitive")
    ]

    assert [refusal and refusal.kind for refusal in refusals] == [Kind.MODERATED, Kind.INVALID]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('name = "fal"', 'name = "fal"\nnmae = 3', "nmae: unknown key"),
        ('prompt = "{prompt}"', 'prompt = "{promt}"', "unknown slot {promt}"),
        ("|sizes?", "|size?", "there is no [maps.size]"),
        ('kind = "token"', 'kind = "tokens"', "upload.kind"),
        ("[urls]", "[urls", "not TOML"),
        ('path = "images[*].url"', 'path = "images[x"', "is not a path"),
        ('key = "FAL_KEY"', 'key = "IMGBOT_TOKEN"', "a dedicated variable"),
        ("(?i)locked|balance", "(?i)locked|(", "is not a regular expression"),
    ],
)
def test_a_mistake_is_told_with_its_line(old: str, new: str, complaint: str) -> None:
    text = read_preset("fal").text
    line = text[: text.index(old)].count("\n") + 1

    with pytest.raises(ConfigError) as refusal:
        read_spec(parse_file("my.toml", text.replace(old, new, 1)))

    assert complaint in str(refusal.value)
    # A key that is put below the first one stands a line further down.
    assert f"line {line + new.count(chr(10))}" in str(refusal.value)


@pytest.mark.parametrize("name", PRESETS)
async def test_a_dry_run_shows_every_request_and_what_refusals_mean(name: str) -> None:
    lines = dry_run(read_spec(read_preset(name)))

    said = {line.split(": ")[0]: line.split(": ")[1] for line in lines if "answered by" in line}
    kinds = ("auth", "no_credit", "rate_limited", "submit_unknown", "submit_unknown")
    for trouble, kind in zip(("401", "402", "429", "500", "half a JSON"), kinds, strict=True):
        assert said[f"a submit answered by {trouble}"] == kind
    requests = "\n".join(lines)
    assert "a calm lake" in requests
    assert "TASK-ID" in requests
    assert "{" not in requests.replace('{"', "").replace("{}", "")


@pytest.mark.parametrize(
    ("content", "is_billed"),
    [
        ({"status": "failed", "error": "NSFW content", "version": "hidden"}, False),
        ({"status": "failed", "error": "NSFW content", "version": "cc4956dd"}, None),
        ({"status": "failed", "error": "E1000", "version": "cc4956dd"}, None),
        ({"status": "aborted", "version": "cc4956dd"}, False),
    ],
)
def test_a_failed_task_may_have_cost_the_time_that_a_public_version_ran(
    content: Any, is_billed: bool | None
) -> None:
    failure = responses.failure(read_spec(read_preset("replicate")), answered(200, content))

    kind = Kind.MODERATED if "NSFW" in str(content) else Kind.FAILED
    assert (failure.kind, failure.is_billed) == (kind, is_billed)


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://queue.fal.run/x", True),
        ("https://eu.bfl.ai/x", True),
        ("http://queue.fal.run/x", False),
        ("https://queue.fal.run:8443/x", False),
        ("https://queue.fal.run.evil.example/x", False),
        ("https://evilbfl.ai/x", False),
        ("https://user:pass@queue.fal.run/x", False),
        ("http://127.0.0.1:8188/prompt", True),
        ("http://127.0.0.1:8189/prompt", False),
    ],
)
def test_only_listed_hosts_see_the_key(url: str, *, may: bool) -> None:
    hosts = Hosts(("http://127.0.0.1:8188",), ("queue.fal.run", "*.bfl.ai"))

    assert hosts.may_see_key(url) is may


PRIVATE = (
    *("127.0.0.1", "10.0.0.1", "169.254.169.254", "192.0.0.8", "224.0.0.1"),
    *("::1", "::127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::"),
    *("fec0::1", "ff02::1"),
)


def test_only_public_addresses_are_fetched_from_and_over_https() -> None:
    for host in PRIVATE:
        assert not is_public(host), host
        assert not is_allowed(f"https://[{host}]/x" if ":" in host else f"https://{host}/x"), host
    for host in ("1.1.1.1", "2606:4700::1111", "64:ff9b::101:101"):
        assert is_public(host), host
    assert is_allowed("https://1.1.1.1/x")
    assert is_allowed("https://files.example/x")
    assert not is_allowed("http://files.example/x")
    # Numbers that a resolver, or an old aiohttp by itself, takes for an address.
    for host in ("127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1.", "0x7f.1"):
        assert not is_allowed(f"https://{host}/x"), host
    assert is_allowed("https://0x7f.example/x")


NOW_S = 1_700_000_000.0
BODY = b'{"id":"p1","status":"succeeded"}'
STANDARD = {
    "webhook-id": "msg_1",
    "webhook-timestamp": "1700000000",
    "webhook-signature": "v1,ZRC2qXl9LPzGtO/eTF7TUjtZ+oS3hgUq/qh+JTx1CWs=",
}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


async def test_webhooks_before_the_published_key_wait_for_one_fetch(script: Script) -> None:
    config, heard = ProviderConfig(key="k"), list[object]()
    for status in (200, 503):
        script.answers["GET /v1/webhooks/default/secret"] = [(status, {"key": SECRET})]
        spec = read_spec(read_preset("replicate"))
        async with aclosing(DeclaredProvider(spec, replace(config, url=script.url))) as provider:

            async def hear() -> None:
                said = provider.ticket_of_hook(Operation.CREATE, STANDARD, BODY, NOW_S)
                try:
                    heard.append((await said or {}).get("id"))
                except ProviderError as error:
                    heard.append(error.kind)

            async with asyncio.TaskGroup() as group:
                for _ in range(3):
                    group.create_task(hear())

    assert heard == ["p1"] * 3 + [Kind.UNAVAILABLE] * 3
    assert len(script.asked) == 2


async def test_a_number_beyond_all_bounds_is_none(script: Script) -> None:
    config = ProviderConfig(key="k")
    script.on("GET /v1/credits", {"credits": 10**400})
    script.on("GET /v1/get_result", {"status": "Pending", "progress": 10**400})
    config = replace(config, url=script.url)
    async with aclosing(DeclaredProvider(read_spec(read_preset("bfl")), config)) as provider:
        assert await provider.balance() is None
        assert await provider.poll({"id": "t"}) == Pending()


async def test_only_an_empty_list_proves_that_a_job_has_no_task(script: Script) -> None:
    silent = [{}, {"tasks": None}, {"tasks": {"id": "t"}}, {"tasks": [{}]}, []]
    async with simulated(script) as provider:
        script.on("GET /tasks", {"tasks": []}, {"tasks": [{"id": "t"}]}, *silent)
        assert await provider.look_up("job-1") is None
        assert await provider.look_up("job-1") == {"id": "t"}
        for _ in silent:
            with pytest.raises(ProviderError, match="unavailable"):
                await provider.look_up("job-1")


@asynccontextmanager
async def simulated(script: Script) -> AsyncGenerator[DeclaredProvider]:
    config = ProviderConfig(script.url, KEY)
    async with aclosing(DeclaredProvider(read_spec(read_file(SPEC_FILE)), config)) as provider:
        yield provider


async def test_the_key_is_sent_to_no_other_host(script: Script) -> None:
    client = ProviderHttpClient(Hosts([script.url], ()), {"Key": "x"})
    await client.ask("GET", f"{script.url}/1")
    with pytest.raises(ProviderError, match="must not be sent"):
        await client.ask("GET", "https://evil.example/1")
    await client.aclose()

    assert [request.headers["Key"] for request in script.asked] == ["x"]


async def test_a_compressed_answer_is_measured_while_it_is_unpacked(
    script: Script, tmp_path: Path
) -> None:
    whole, limit = gzip.compress(json.dumps({"id": "t"}).encode()), 1 << 20
    script.headers["Content-Encoding"] = "gzip"
    script.on("GET /1", whole, gzip.compress(bytes(64 << 20)), whole[:-12])
    client = ProviderHttpClient(Hosts([script.url], ()), {}, answer_limit_bytes=limit)
    async with aclosing(client):
        assert (await client.ask("GET", f"{script.url}/1")).content == {"id": "t"}
        tracemalloc.start()
        with pytest.raises(ProviderError, match="unavailable"):
            await client.ask("GET", f"{script.url}/1")
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak_bytes < 8 * limit
        # The provider's own words end early, and so may a submit's.
        assert (await client.ask("GET", f"{script.url}/1")).content is None
        script.on("GET /1", whole)
        await client.fetch(f"{script.url}/1", tmp_path / "made")

    assert json.loads((tmp_path / "made").read_bytes()) == {"id": "t"}


@pytest.mark.parametrize("name", ["bfl", "kie", "fal", "wavespeed"])
async def test_pictures_take_no_memory_while_they_are_sent(name: str, tmp_path: Path) -> None:
    given, taken = [bytes([index]) * (2 << 20) for index in range(8)], 0

    async def take(request: web.Request) -> web.Response:
        nonlocal taken
        size_bytes = sum([len(piece) async for piece in request.content.iter_any()])
        assert size_bytes == request.content_length
        taken += size_bytes
        task = {"id": "t", "request_id": "t", "taskId": "t", "downloadUrl": "https://x/1"}
        places = {"base_url": url, "token": "t", "access_url": "https://x/1"}
        data = {"upload_url": f"{url}/put", "download_url": "https://x/1", **task}
        return web.json_response({"code": 200, "data": data, **task, **places})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", take)
    async with TestServer(app) as server:
        url = str(server.make_url("")).rstrip("/")
        config = ProviderConfig(url, KEY)
        async with aclosing(DeclaredProvider(read_spec(read_preset(name)), config)) as provider:
            order = make_order(tmp_path, Operation.MERGE, "together", pictures=given)
            del given
            tracemalloc.start()
            await submitted(provider, order)
            _, peak_bytes = tracemalloc.get_traced_memory()
            tracemalloc.stop()

    assert peak_bytes < 8 << 20 < 16 << 20 < taken


async def test_a_name_is_resolved_to_public_addresses_only(monkeypatch: pytest.MonkeyPatch) -> None:
    async with aclosing(ProviderHttpClient(Hosts([], ()), {})) as client:
        with pytest.raises(ProviderError, match="no public address"):
            await client.ask("PUT", "https://localhost/1", is_public=True, content=b"")
        failing = AsyncMock(side_effect=socket.gaierror(-3, "try again"))
        monkeypatch.setattr("aiohttp.resolver.ThreadedResolver.resolve", failing)
        with pytest.raises(ProviderError) as silence:
            await client.ask("PUT", "https://upload.example/1", is_public=True, content=b"")

    assert silence.value.kind is Kind.UNAVAILABLE


async def test_a_full_disk_is_no_fault_of_the_providers(
    script: Script, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    full = AsyncMock(side_effect=OSError(errno.ENOSPC, "no space left"))
    monkeypatch.setattr(http, "_write", full)
    script.on("GET /1.png", b"a picture")
    async with aclosing(ProviderHttpClient(Hosts([script.url], ()), {})) as client:
        with pytest.raises(OSError, match="no space left"):
            await client.fetch(f"{script.url}/1.png", tmp_path / "result")


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ({"words": "{prompt}"}, {"words": "a fox, without: snow"}),
        (
            {"words": "{prompt}", "negative_prompt": "{negative?}"},
            {"words": "a fox", "negative_prompt": "snow"},
        ),
    ],
)
async def test_negative_prompt_has_its_own_field_or_follows_in_words(
    script: Script, tmp_path: Path, body: dict[str, str], sent: dict[str, str]
) -> None:
    document = read_file(SPEC_FILE)
    document.content["models"] = [{"id": "m", "operations": ["create"], "body": body}]
    script.on("POST /tasks", {"id": "1"})
    provider = DeclaredProvider(read_spec(document), ProviderConfig(script.url, KEY))
    await submitted(provider, make_order(tmp_path, Operation.CREATE, "a fox", negative="snow"))
    await provider.aclose()

    assert json.loads(script.asked[-1].body) == sent


@pytest.mark.parametrize("query", [{}, {"hook": "{hook?}", "of": "{job}"}])
async def test_the_query_of_an_address_is_sent(
    script: Script, query: dict[str, str], tmp_path: Path
) -> None:
    document = read_file(SPEC_FILE)
    document.content["submit"] |= {"url": "{api}/tasks?version=2", "query": query}
    script.on("POST /tasks", {"id": "1"})
    config = ProviderConfig(script.url, KEY)
    async with aclosing(DeclaredProvider(read_spec(document), config)) as provider:
        await submitted(provider, make_order(tmp_path, Operation.CREATE, "a fox"))

    assert script.asked[-1].query == {"version": "2"} | ({"of": "job-1"} if query else {})


def _tables_in(annotation: Any) -> Iterator[type[LocatedTable]]:
    """Yield the tables of a spec file, from the type of one of its parts."""
    if isinstance(annotation, type) and issubclass(annotation, LocatedTable):
        yield annotation
        for field in annotation.model_fields.values():
            yield from _tables_in(field.annotation)
    for argument in get_args(annotation):
        yield from _tables_in(argument)


def test_the_file_of_replicate_explains_every_part() -> None:
    words = set(re.findall(r"\w+", read_preset("replicate").text))

    for table in _tables_in(Spec):
        assert table.model_fields.keys() <= words, table


TERMS = """
usual = { create = "black-forest-labs/flux-schnell", edit = "mine/edit" }
prices_usd = { create = 0.004 }
offered = ["bytedance/seedream-4.5"]
price_limit_usd = 0.05
limits = { orders = 1200 }
[[models]]
operations = ["edit"]
id = "mine/edit"
price_usd = 0.01
body = { prompt = "{prompt}" }
"""


async def test_a_file_extends_a_preset_by_terms_of_its_own(tmp_path: Path) -> None:
    async with aclosing(open_provider("replicate", ProviderConfig(), AsyncMock())) as preset:
        file = extending("replicate", tmp_path, TERMS)
        async with aclosing(open_provider(file, ProviderConfig(), AsyncMock())) as own:
            assert (own.name, own.vendor, own.urls) == ("replicate", "Replicate", preset.urls)
            assert own.order_limit == OrderLimit(1200, 60.0)
            created, edited = own.offers[Operation.CREATE], own.offers[Operation.EDIT]
            assert (created.model, created.price_micro) == (
                "black-forest-labs/flux-schnell",
                4_000,
            )
            assert (edited.model, edited.price_micro) == ("mine/edit", 10_000)
            assert own.offers[Operation.UPSCALE] == preset.offers[Operation.UPSCALE]
            others = own.models[Operation.CREATE].values()
            chosen = {each.model for each in others if own.admits(each, created)}
            assert chosen == {"bytedance/seedream-4.5"}
    # Another server is not the vendor's, and may want no key.
    file = extending("openai", tmp_path, 'url = "http://127.0.0.1:1234/v1"\nkey = ""')
    async with aclosing(open_provider(file, ProviderConfig(), AsyncMock())) as own:
        assert (own.name, own.vendor, own.urls) == ("openai", "", ("http://127.0.0.1:1234/v1",))
    assert key_names_of(file).key == ""
    # Workflows of the preset are found, too.
    file = extending("comfyui", tmp_path, 'usual = { create = "a" }')
    async with aclosing(open_provider(file, ProviderConfig(), AsyncMock())) as own:
        assert own.offers[Operation.CREATE].model == "a"
        assert files_of(Path(file)) == ("comfyui.toml",)
    # A backup takes those of a file that is extended along.
    (tmp_path / "flow.json").write_text("{}")
    (tmp_path / "base.toml").write_text('[operations.create]\nworkflow = "flow.json"')
    (tmp_path / "top.toml").write_text('extends = "base.toml"')
    assert files_of(tmp_path / "top.toml") == ("top.toml", "flow.json", "base.toml")


@pytest.mark.parametrize(
    ("base", "terms", "complaint"),
    [
        ("replicat", "", "line 1: extends: 'replicat' cannot be extended; write "),
        ("builtin", "", "line 1: extends: 'builtin' cannot be extended; write "),
        ("fal.toml", "", "line 1: extends: 'fal.toml' cannot be extended; write "),
        ("/nowhere/my.toml", "", "/nowhere/my.toml cannot be read: No such file"),
        ("fal", 'usual = { create = "x" }', "line 2: usual.create: there is no model 'x' for it"),
        ("fal", 'usual = { paint = "x" }', "line 2: usual.paint"),
        ("fal", 'offered = ["x"]', "line 2: offered: there is no model 'x'; it has: "),
        ("openai", 'offered = ["x"]', "line 2: offered: there is no model 'x'; it has: gpt-image"),
        ("fal", "prices_usd = { create = -1 }", "line 2: prices_usd.create"),
        ("fal", 'price_limit_usd = "low"', "line 2: price_limit_usd"),
        ("fal", "limits = { order = 5 }", "line 2: limits.order: unknown key"),
    ],
)
def test_a_mistake_in_a_file_that_extends_is_told_with_its_line(
    base: str, terms: str, complaint: str, tmp_path: Path
) -> None:
    file = extending(base, tmp_path, terms)

    with pytest.raises(ConfigError, match=r"^IMGBOT_PROVIDER: /") as refusal:
        open_provider(file, ProviderConfig(), AsyncMock())

    assert complaint in str(refusal.value)


@pytest.mark.parametrize("name", ["replicate", "openai"])
@pytest.mark.parametrize(
    ("price", "is_keyed", "is_free"),
    [("", True, False), ("price_usd = 0", True, True), ("", False, True)],
)
async def test_a_provider_with_a_key_costs_money_unless_a_price_of_nothing_is_written(
    name: str, price: str, *, is_keyed: bool, is_free: bool, tmp_path: Path
) -> None:
    text = re.sub("(?m)^price_usd = .*$", price, read_preset(name).text)
    text = text if is_keyed else re.sub('(?m)^key = ".*$', 'key = ""', text)
    (file := tmp_path / "own.toml").write_text(text)
    async with aclosing(open_provider(str(file), ProviderConfig(), AsyncMock())) as provider:
        assert (provider.offers[Operation.CREATE].price_micro == 0) == is_free


@pytest.mark.parametrize(
    ("name", "operations", "former", "price_usd"),
    [
        ("replicate", ("create", "edit", "merge"), "google/nano-banana-2", 0.039),
        ("fal", ("create",), "fal-ai/nano-banana-2", 0.08),
        ("fal", ("edit", "merge"), "fal-ai/nano-banana-2/edit", 0.08),
        ("kie", ("create", "edit", "merge", "retouch"), "nano-banana-2", 0.04),
        ("kie", ("create",), "google/nano-banana", 0.02),
        ("kie", ("edit", "merge", "retouch"), "google/nano-banana-edit", 0.02),
        ("openai", ("retouch", "removebg"), "gpt-image-1.5", 0.06),
    ],
)
async def test_the_id_of_a_withdrawn_model_means_one_that_costs_no_more(
    name: str, operations: tuple[Operation, ...], former: str, price_usd: float, tmp_path: Path
) -> None:
    usual = ", ".join(f'{operation} = "{former}"' for operation in operations)
    own = extending(name, tmp_path, f"usual = {{ {usual} }}")
    async with (
        aclosing(open_provider(name, ProviderConfig(), AsyncMock())) as chosen_by_users,
        aclosing(open_provider(own, ProviderConfig(), AsyncMock())) as chosen_by_the_operator,
    ):
        for operation in map(Operation, operations):
            offer = chosen_by_users.offer(operation, former)

            assert former in offer.replaces
            assert former not in chosen_by_users.models[operation]
            assert offer.price_micro <= micro(price_usd)
            assert chosen_by_the_operator.offers[operation] == offer


async def test_a_task_of_a_withdrawn_model_is_polled_where_it_was_ordered(script: Script) -> None:
    task = "/fal-ai/nano-banana-2/requests/r1"
    script.on(f"GET {task}/status", {"status": "COMPLETED"})
    script.on(f"GET {task}", {"images": [{"url": "https://v3.fal.media/a.jpg"}]})
    config = ProviderConfig(script.url, KEY)
    async with aclosing(open_provider("fal", config, AsyncMock())) as provider:
        polled = await provider.poll({"id": "r1", "model": "fal-ai/nano-banana-2/edit"})

    assert polled == Done((Output(url="https://v3.fal.media/a.jpg"),))


ENDING = """\
[[models]]
operations = ["create"]
id = "ours/first"
title = "First"
price_usd = {price}
retires = 2026-12-15
successor = "{successor}"
body = {{ operation = "create", words = "{{prompt}}", client_id = "{{job}}" }}
"""


@pytest.mark.parametrize(
    ("price", "day", "agreed", "usual"),
    [
        (0.04, 14, (), "ours/first"),
        (0.04, 15, (), "simulated"),
        (0.03, 15, (), "ours/first"),
        (0.03, 1, ("ours/first",), "simulated"),
    ],
)
async def test_a_model_that_has_ended_is_followed_by_one_that_costs_no_more_or_is_agreed(
    price: float, day: int, agreed: tuple[str, ...], usual: str, tmp_path: Path
) -> None:
    own = extending(SPEC_FILE, tmp_path, ENDING.format(price=price, successor="simulated"))
    create = Operation.CREATE
    async with aclosing(open_provider(own, ProviderConfig(), AsyncMock())) as provider:
        for _ in range(2):
            provider.renew(date(2026, 12, day), agreed)

        order = make_order(tmp_path, create)
        body = provider.submit_parts(order)[2] if isinstance(provider, DeclaredProvider) else {}
        [end] = provider.retirements
        meant = chosen_model(provider.models[create], "ours/first")
        assert (provider.offers[create].model, meant, end.is_over) == (
            usual,
            usual,
            usual == "simulated",
        )
        # Of the usual model of the file, a field that the other lacks.
        assert ("ratio" in body or "seed" in body) is (usual == "simulated")


def test_a_successor_that_is_not_there_is_told_with_its_line(tmp_path: Path) -> None:
    own = extending(SPEC_FILE, tmp_path, ENDING.format(price=0.04, successor="nobody"))

    with pytest.raises(ConfigError, match=r"line 8: .*there is no model 'nobody'"):
        open_provider(own, ProviderConfig(), AsyncMock())
