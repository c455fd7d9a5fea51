"""What any HTTP server may do to polls and files, in the way that all simulators share."""

import httpx
import pytest

from tests.support.sim_desk import Desk
from tests.support.sim_replicate import poll, submit

pytestmark = pytest.mark.simulator("replicate")


async def file_of(desk: Desk, mark: str) -> str:
    return (await poll(desk, await submit(desk, {"prompt": f"p [[sim:{mark}]]"})))["output"]


@pytest.mark.parametrize(
    ("mark", "kind", "start"),
    [("not_a_picture", "image/jpeg", b"<!doctype html>"), ("svg", "image/svg+xml", b"<svg ")],
)
async def test_a_file_can_be_no_picture(desk: Desk, mark: str, kind: str, start: bytes) -> None:
    answer = await desk.anyone.get(await file_of(desk, mark))

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
    assert answer.content.startswith(start)


async def test_a_file_can_hide_behind_endless_redirects(desk: Desk) -> None:
    url = await file_of(desk, "redirects")

    with pytest.raises(httpx.TooManyRedirects):
        await desk.anyone.get(url, follow_redirects=True)


async def test_a_file_can_be_huge(desk: Desk) -> None:
    read_bytes = 0
    async with desk.anyone.stream("GET", await file_of(desk, "huge")) as answer:
        async for chunk in answer.aiter_raw():
            read_bytes += len(chunk)
            if read_bytes > 100 << 20:
                break

    assert read_bytes > 100 << 20
    assert "Content-Length" not in answer.headers


async def test_a_file_can_trickle(desk: Desk) -> None:
    async with desk.anyone.stream("GET", await file_of(desk, "trickle")) as answer:
        first = await anext(answer.aiter_raw())

    assert first == b"\xff"


async def test_a_poll_can_stall(desk: Desk) -> None:
    begun = await submit(desk, {"prompt": "p [[sim:stalled]]"})
    async with desk.http.stream("GET", begun["urls"]["get"]) as answer:
        first = await anext(answer.aiter_raw())

    assert (answer.status_code, first) == (200, b" ")
