"""The chat page as a person uses it, in the system's Chromium."""

import re
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Response,
    async_playwright,
    expect,
)

from tests.support.waiting import PATIENCE_S

WAIT_MS = PATIENCE_S * 1000
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_TELL_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} forbids ${event.blockedURI}`));
"""

_SEEN = """
  [...document.querySelectorAll("body, body *")]
    .filter((element) => element.checkVisibility() && !element.closest(".visually-hidden"))
"""
STICKS_OUT = f"""
() => {_SEEN}
  .filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5)
  .map((element) => element.className || element.tagName)
"""
"""Gives what is wider than the window."""

SCROLLS_SIDEWAYS = f"""
() => {_SEEN}
  .filter((element) => element.scrollWidth > element.clientWidth + 1)
  .filter((element) => ["auto", "scroll"].includes(getComputedStyle(element).overflowX))
  .map((element) => element.className || element.tagName)
"""
"""Gives what has to be scrolled sideways."""

expect.set_options(timeout=WAIT_MS)


def find_chromium() -> str | None:
    """The system's Chromium, if it has one."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


@asynccontextmanager
async def open_browser(executable: str) -> AsyncGenerator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable, args=list(_ARGUMENTS)
        )
        try:
            yield browser
        finally:
            await browser.close()


class ChatPage:
    """One browser window with the chat page, and everything that went wrong in it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.problems: list[str] = []
        self._url = url
        page.on("console", self._note_console)
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("request", self._note_request)
        page.on("response", self._note_response)

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.problems.append(f"console: {message.text}")

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self._url}/", "blob:", "data:")):
            self.problems.append(f"a request to another host: {request.url}")

    def _note_response(self, response: Response) -> None:
        if response.status >= 400:
            self.problems.append(f"{response.status} from {response.url}")

    # ---- what there is to see

    @property
    def bubbles(self) -> Locator:
        """All messages, the bot's and the people's."""
        return self.page.get_by_test_id("message")

    @property
    def answers(self) -> Locator:
        """The messages of the bot."""
        return self.page.locator('[data-testid="message"][data-outgoing="true"]')

    @property
    def own(self) -> Locator:
        """The messages of people."""
        return self.page.locator('[data-testid="message"][data-outgoing="false"]')

    @property
    def composer(self) -> Locator:
        return self.page.get_by_test_id("composer-text")

    @property
    def status(self) -> Locator:
        """The line below the bot's name."""
        return self.page.get_by_test_id("chat-status")

    def answer(self, words: str | re.Pattern[str]) -> Locator:
        """The latest message of the bot that says this."""
        text = self.page.get_by_test_id("message-text").filter(has_text=words)
        return self.answers.filter(has=text).last

    def button(self, label: str) -> Locator:
        """The latest inline button with this label."""
        return self.page.get_by_test_id("inline-button").filter(has_text=label).last

    async def picture(self, caption: str) -> Locator:
        """The photo of the latest answer with this caption, once it is drawn."""
        photo = self.answer(caption).get_by_test_id("message-photo")
        await photo.wait_for()
        await expect(photo).to_have_js_property("complete", value=True)
        return photo

    # ---- what a person does

    async def say(self, text: str) -> None:
        await self.composer.fill(text)
        await self.page.get_by_test_id("composer-send").click()

    async def attach(self, *files: Path) -> None:
        """Choose pictures; they wait above the text field to be sent."""
        await self._choose("composer-file", files)

    async def _choose(self, testid: str, files: tuple[Path, ...]) -> None:
        await self.page.get_by_test_id(testid).set_input_files(files)
        await expect(self.page.get_by_test_id("attachment")).to_have_count(len(files))

    async def send(self) -> None:
        await self.page.get_by_test_id("composer-send").click()

    async def press(self, label: str) -> None:
        await self.button(label).click()

    async def start(self) -> None:
        """Press START and wait for the greeting."""
        await self.page.get_by_test_id("start-button").click()
        await self.answers.wait_for()


@asynccontextmanager
async def open_page(
    browser: Browser, url: str, query: str = "", **options: Any
) -> AsyncGenerator[ChatPage]:
    """A window of its own, as another person's browser is, with the chat page in it."""
    # Without animations, so that a picture of a failure shows what is there.
    settings: dict[str, Any] = {"locale": "en-US", "reduced_motion": "reduce"} | options
    context = await browser.new_context(**settings)
    context.set_default_timeout(WAIT_MS)
    await context.add_init_script(_TELL_VIOLATIONS)
    try:
        chat = ChatPage(await context.new_page(), url)
        await chat.page.goto(f"{url}/{query}")
        yield chat
    finally:
        await context.close()


async def natural_size(image: Locator) -> tuple[int, int]:
    """The size in pixels that the picture really has."""
    width, height = await image.evaluate("image => [image.naturalWidth, image.naturalHeight]")
    return width, height
