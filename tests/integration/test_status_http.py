"""The status over HTTP: who is answered, what streams do, and how they end."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest

from imgbot.ops.http import HttpLimits
from imgbot.ops.status.history import COLUMNS
from tests.fakes.status_service import KEY, Service
from tests.fixtures.status_facts import queue_of
from tests.fixtures.waiting import PATIENCE_S, eventually

PERSON = 424242


@pytest.fixture
def service(tmp_path: Path) -> Service:
    service = Service(tmp_path)
    service.limits = HttpLimits(stream_every_s=0.02, streams=3)
    service.queue = queue_of(refused=((PERSON, 5),))
    return service


def _signed_in(password: str) -> dict[str, str]:
    return {"Authorization": aiohttp.encode_basic_auth("any name", password)}


@asynccontextmanager
async def _serving(service: Service) -> AsyncGenerator[tuple[str, aiohttp.ClientSession]]:
    async with (
        asyncio.timeout(PATIENCE_S),
        service.server() as server,
        aiohttp.ClientSession(headers=_signed_in(KEY)) as session,
    ):
        yield server.url, session


async def _events(answer: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, Any]]:
    name = ""
    async for line in answer.content:
        text = line.decode().rstrip("\n")
        if text.startswith("event: "):
            name = text.removeprefix("event: ")
        elif text.startswith("data: "):
            yield name, json.loads(text.removeprefix("data: "))
        elif text.startswith(":"):
            yield "comment", text


async def test_the_document_is_of_the_moment(service: Service) -> None:
    async with _serving(service) as (url, session):
        async with session.get(f"{url}/status.json") as answer:
            await answer.json()
        service.set_facts(jobs={"create": {"queued": 15}}, waiting=15, running=3)
        await asyncio.sleep(1.0)
        async with session.get(f"{url}/status.json") as answer:
            document = await answer.json()

    assert document["jobs"] == {"create": {"queued": 15}}
    assert (document["queue"]["waiting"], document["queue"]["running"]) == (15, 3)
    assert document["vitals"]["queue_jobs"]["value"] == 15
    assert document["level"] == "normal"


async def test_through_a_proxy_nobody_is_named(service: Service) -> None:
    headers = {"X-Forwarded-For": "203.0.113.7"}
    async with _serving(service) as (url, session):
        async with session.get(f"{url}/status.json", headers=headers) as answer:
            document = await answer.text()
        async with session.get(f"{url}/events", headers=headers) as stream:
            told = [data async for name, data in _first(stream, 4) if name == "status"]
        asked = await session.get(f"{url}/names", headers=headers)

    assert answer.status == 200
    assert (asked.status, "ssh -L" in await asked.text()) == (403, True)
    assert told
    assert str(PERSON) not in document + json.dumps(told)


async def test_only_who_knows_the_password_is_told_names(service: Service) -> None:
    async with _serving(service) as (url, session), aiohttp.ClientSession() as stranger:
        seen = [
            await (await stranger.get(f"{url}/status.json")).text(),
            await (await stranger.get(f"{url}/status.json", headers=_signed_in("é"))).text(),
        ]
        known = await (await session.get(f"{url}/status.json")).text()
        asked = await stranger.get(f"{url}/names")
        signed_in = await session.get(f"{url}/names")

    assert [str(PERSON) in text for text in (*seen, known)] == [False, False, True]
    assert (asked.status, asked.headers["WWW-Authenticate"]) == (401, 'Basic realm="imgbot"')
    assert (signed_in.status, signed_in.url.path) == (200, "/")


async def _first(answer: aiohttp.ClientResponse, count: int) -> AsyncIterator[tuple[str, Any]]:
    async for event in _events(answer):
        yield event
        count -= 1
        if not count:
            return


ANOTHER_NAME = {"Host": "evil.example:8080"}
ANOTHER_SITE = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
REFUSED: Sequence[tuple[int, dict[str, str], str]] = [
    *((403, ANOTHER_NAME, path) for path in ("/", "/status.json", "/events", "/metrics")),
    *((403, ANOTHER_SITE, path) for path in ("/status.json", "/events")),
    *((404, {}, f"/page/{file}") for file in ("none.js", "..%2Fhttp.py", "index.html")),
    (404, {}, "/none"),
]


async def test_other_names_other_sites_and_other_files_are_refused(service: Service) -> None:
    async with _serving(service) as (url, session):
        for status, headers, path in REFUSED:
            async with session.get(f"{url}{path}", headers=headers) as answer:
                assert (path, answer.status) == (path, status)
                assert answer.headers["Cache-Control"] == "no-store"
                assert str(PERSON) not in await answer.text()
                assert not [each for each in answer.headers if each.startswith("Access-Control")]


async def test_the_page_allows_itself_nothing_from_elsewhere(service: Service) -> None:
    async with _serving(service) as (url, session), session.get(url) as answer:
        policy = answer.headers["Content-Security-Policy"]
        text = await answer.text()

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "style=" not in text
    assert "<style" not in text
    assert "//" not in text.replace("<!doctype html>", "")


async def test_a_stream_begins_with_the_history_and_goes_on(service: Service) -> None:
    async with _serving(service) as (url, session), session.get(f"{url}/events") as stream:
        events = [event async for event in _first(stream, 4)]

    assert stream.headers["Content-Type"] == "text/event-stream"
    assert events[0] == ("history", {"columns": list(COLUMNS), "points": []})
    assert [name for name, _ in events[1:]] == ["status"] * 3
    assert events[1][1]["at_s"] < events[3][1]["at_s"]


async def test_a_point_comes_as_soon_as_it_is_made(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgbot.ops.status.history.POINT_EVERY_S", 0.05)
    async with _serving(service) as (url, session), session.get(f"{url}/events") as stream:
        points = (data async for name, data in _events(stream) if name == "point")
        point = await anext(points)

    assert len(point) == len(COLUMNS)


async def test_a_look_that_fails_is_told_of_and_stops_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    good, service.workers = service.workers, cast("Any", [None])
    async with _serving(service) as (url, session):
        # There is no document yet, and the stream is kept.
        async with session.get(f"{url}/status.json") as answer:
            assert answer.status == 503
        async with session.get(f"{url}/events") as stream:
            events = [name async for name, _ in _first(stream, 3)]
        service.workers = good
        async with session.get(f"{url}/status.json") as answer:
            assert (await answer.json())["workers"][0]["about"] == "create"

    assert events == ["history", "comment", "comment"]
    assert "the status could not be taken: TypeError" in caplog.text


async def test_the_streams_are_bounded_and_a_place_comes_free(service: Service) -> None:
    async with _serving(service) as (url, session):
        streams = [await session.get(f"{url}/events") for _ in range(3)]
        async with session.get(f"{url}/events") as one_more:
            assert one_more.status == 503
            assert one_more.headers["Retry-After"] == "30"
        streams[0].close()

        async def status() -> int:
            async with session.get(f"{url}/events") as again:
                return again.status

        assert await eventually(status, lambda found: found == 200) == 200
        for stream in streams:
            stream.close()


async def test_streams_end_with_the_server(service: Service) -> None:
    async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession() as session:
        async with service.server() as server:
            events = _events(await session.get(f"{server.url}/events"))
            assert (await anext(events))[0] == "history"

        # It has stopped although somebody looked, and what it sent comes to a clean end.
        assert {name async for name, _ in events} <= {"status"}


async def test_while_redis_is_away_the_rest_is_shown(service: Service) -> None:
    service.is_redis_away = True
    async with _serving(service) as (url, session), session.get(f"{url}/status.json") as answer:
        document = await answer.json()

    assert document["jobs"] is None
    assert document["queue"]["waiting"] is None
    assert document["workers"][0]["about"] == "create"
