"""A demo and a browser for all the tests of a module, and windows for each test."""

import os
import re
from collections.abc import AsyncIterator, Generator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.demo import Demo
from tests.fixtures.browser import ChatPage, find_chromium, open_browser, open_page
from tests.fixtures.sandbox import Control, Person

_SHOTS = Path(__file__).parent / "shots"
_FAILED = pytest.StashKey[bool]()


class OpenWindow(Protocol):
    """Opens a window in which a user sees their chat with the bot."""

    async def __call__(self, person: Person | None = None, **options: Any) -> ChatPage: ...


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "call":
        item.stash[_FAILED] = report.failed
    return report


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    executable = find_chromium()
    if executable is None:
        sentence = "the browser tests need Chromium: no chromium or google-chrome on PATH"
        if os.environ.get("CI") == "true":
            pytest.fail(sentence)
        pytest.skip(sentence)
    async with open_browser(executable) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Demo]:
    """`imgbot demo` with the arguments that the module names in DEMO, or none."""
    async with Demo(*getattr(request.module, "DEMO", ())) as running:
        yield running
        assert running.log == ""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def control(demo: Demo) -> AsyncIterator[Control]:
    async with Control(demo.url) as control:
        yield control
        assert (await control.calls())["violations"] == []


@pytest_asyncio.fixture(loop_scope="module")
async def open_window(
    browser: Browser, demo: Demo, request: pytest.FixtureRequest
) -> AsyncIterator[OpenWindow]:
    """Windows that close with the test; a failed test leaves their pictures in `shots`."""
    chats: list[ChatPage] = []
    async with AsyncExitStack() as windows:

        async def opened(person: Person | None = None, **options: Any) -> ChatPage:
            query = f"?user={person.id}&chat={person.id}" if person else ""
            window = open_page(browser, demo.url, query, **options)
            chats.append(await windows.enter_async_context(window))
            return chats[-1]

        yield opened
        problems = [problem for chat in chats for problem in chat.problems]
        if problems or request.node.stash.get(_FAILED, False):
            await _take_shots(request.node.name, chats)
        assert problems == []


async def _take_shots(test: str, chats: list[ChatPage]) -> None:
    _SHOTS.mkdir(exist_ok=True)
    name = re.sub(r"\W+", "-", test).strip("-")
    for i, chat in enumerate(chats, 1):
        await chat.page.screenshot(path=_SHOTS / f"{name}-{i}.png")
