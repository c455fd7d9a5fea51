"""The control interface: people, watching, and who may reach it."""

import httpx
import pytest

from imgbot.sandbox.events import HISTORY
from tests.fixtures.bot_api import Setup
from tests.fixtures.sandbox import open_sandbox, picture

BOT_API = {"person": {"username": "anna", "language_code": "ru"}}


async def test_a_watcher_that_comes_too_late_is_told_to_start_anew() -> None:
    async with open_sandbox() as (sandbox, control):
        for _ in range(HISTORY + 2):
            sandbox.state.events.publish("action", chat_id=1, action="typing")

        in_time = await control.wait_for(lambda event: event.seq == 3, after=2)
        event = await control.wait_for(lambda event: event.type == "reset", after=1)

        assert in_time.type == "action"
        assert event.seq == await control.last_seq()


async def test_files_are_shown_safely(setup: Setup) -> None:
    control, _, anna = setup
    page = b"<script>alert(1)</script>"
    sent = await control.send_documents(anna, [("page.html", page), ("a.png", picture(kind="PNG"))])

    async with httpx.AsyncClient() as http:
        html = await http.get(f"{control.url}/control/files/{sent[0].document_id}")
        png = await http.get(f"{control.url}/control/files/{sent[1].document_id}")

    assert html.content == page
    assert html.headers["Content-Disposition"] == "attachment"
    assert "sandbox" in html.headers["Content-Security-Policy"]
    assert png.headers["Content-Type"] == "image/png"
    assert "Content-Disposition" not in png.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
async def test_only_the_page_itself_reaches_the_sandbox(
    setup: Setup, headers: dict[str, str], status: int
) -> None:
    control, _, _ = setup

    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{control.url}/control/state", headers=headers)

    assert answer.status_code == status


async def test_the_page_is_served_and_nothing_beside_it(setup: Setup) -> None:
    control, _, _ = setup

    async with httpx.AsyncClient() as http:
        index = await http.get(f"{control.url}/")
        outside = await http.get(f"{control.url}/..%2fserver.py")
        missing = await http.get(f"{control.url}/nothing.js")

    assert index.status_code == 200
    assert index.headers["Content-Type"].startswith("text/html")
    assert index.headers["Cache-Control"] == "no-store"
    assert (outside.status_code, missing.status_code) == (404, 404)
