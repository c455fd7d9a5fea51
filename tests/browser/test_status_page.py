"""The status page as an operator sees it, on a phone and on a wide screen."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from imgbot.ops.http import HttpLimits, OpsServer
from imgbot.storage.server.guard import ClusterFacts
from imgbot.storage.stats import DeadJob, EndedJob
from tests.fakes.status_service import KEY, Service, write_history
from tests.fixtures.browser import (
    DESKTOP,
    PHONE,
    SCROLLS_SIDEWAYS,
    STICKS_OUT,
    ChatPage,
    open_page,
)
from tests.fixtures.status_facts import CLUSTER, queue_of, worker

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Text and what is behind it, by the formula of WCAG 2.2; 4.5 is what it asks for.
_TOO_PALE = """
() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const [r, g, b, alpha = 1] = parts(getComputedStyle(each).backgroundColor);
      if (alpha > 0) return [r, g, b];
    }
    return parts(getComputedStyle(document.documentElement).backgroundColor);
  };
  const light = (rgb) => rgb.slice(0, 3)
    .map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const words = (element) => [...element.childNodes]
    .some((node) => node.nodeType === 3 && node.textContent.trim());
  return [...document.querySelectorAll("body *")]
    .filter((element) => words(element) && element.checkVisibility())
    .map((element) => {
      const style = getComputedStyle(element);
      const color = element.closest("svg") ? style.fill : style.color;
      const [dark, pale] = [light(parts(color)), light(behind(element))].sort((a, b) => a - b);
      return [element.textContent.slice(0, 30), (pale + 0.05) / (dark + 0.05)];
    })
    .filter(([, ratio]) => ratio < 4.5);
}
"""


class StatusStage:
    """A service, its server, and the windows that look at it."""

    def __init__(self, folder: Path, browser: Browser) -> None:
        self.service = Service(folder)
        self.service.limits = HttpLimits(stream_every_s=0.1)
        self.server: OpsServer = self.service.server()
        self.browser = browser

    async def stop(self) -> None:
        await self.server.stop()

    async def start_again(self) -> None:
        self.server = self.service.server(self.server.port)
        await self.server.start()

    def look(self, **options: Any) -> Any:
        return open_page(self.browser, self.server.url, **options)


@pytest_asyncio.fixture(loop_scope="module")
async def stage(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[StatusStage]:
    write_history(tmp_path, 90, waiting=7, running=3, ok=4, provider_s=5.5, refused=2)
    stage = StatusStage(tmp_path, browser)
    resources = stage.service.watch.resources
    # A busy machine would be a problem of its own.
    idle = replace(resources.usage(), cpu_s=0.0)
    monkeypatch.setattr(resources, "usage", lambda: idle)
    await stage.server.start()
    async with asyncio.TaskGroup() as group:
        eye = group.create_task(stage.service.watch.run())
        yield stage
        eye.cancel()
    await stage.stop()


def _plot(chat: ChatPage, name: str) -> Any:
    return chat.page.locator(f'[data-plot="{name}"]')


async def _until_live(chat: ChatPage) -> None:
    await expect(chat.page.locator("#main")).to_have_attribute("data-state", "live")


def _everything_at_once(stage: StatusStage) -> None:
    lost = DeadJob("991", 5, "create", "simulated", "submit_unknown", 1_700_000_000_000)
    stage.service.set_facts(
        waiting=120,
        is_paused=True,
        figures={"redis_full": 0.97},
        redis={"used": 97, "limit": 100},
        jobs={"create": {"queued": 118, "submitting": 2, "polling": 3, "delivering": 9}},
    )
    failed = EndedJob("7", 5_000_000_001, "failed", "removebg", "make it " * 8, "provider_closed")
    refused = tuple((5_000_000_000 + number, 10) for number in range(8))
    lists = queue_of(*[lost] * 5, refused=refused, ended=(failed,))
    names = {user: f"{'W' * 40} @anna ({user})" for user in (5, *dict(refused), failed.user_id)}
    stage.service.queue = replace(lists, names=names)
    stage.service.cluster = CLUSTER
    about = "preparing a result"
    stage.service.workers = [
        worker(number, number, about, 99.0, 70_000_000) for number in range(99)
    ]


_PASSWORD = {"username": "any name", "password": KEY}
_SMALL_PHONE = {**PHONE, "viewport": {"width": 360, "height": 740}}
# A heading and its level that do not fit beside each other.
_CROWDED = """
() => [...document.querySelectorAll(".vital h3")]
  .filter(each => each.scrollWidth > each.clientWidth)
  .map(each => each.textContent)
"""


# Of the latest jobs, cells that are a few letters wide.
_NARROW = """
() => [...document.querySelectorAll("#latest td")]
  .filter(each => each.offsetWidth && each.offsetHeight > 3 * each.offsetWidth)
  .map(each => each.textContent)
"""


@pytest.mark.parametrize(
    ("device", "scheme"),
    [(PHONE, "dark"), (_SMALL_PHONE, "light"), (DESKTOP, "light")],
    ids=["phone", "small_phone", "desktop"],
)
async def test_everything_fits_and_can_be_read(
    stage: StatusStage, device: dict[str, Any], scheme: str
) -> None:
    _everything_at_once(stage)
    async with stage.look(color_scheme=scheme, http_credentials=_PASSWORD, **device) as chat:
        await chat.page.get_by_text("Sign in to see names and prompts").click()
        await expect(chat.page.locator("#latest")).to_contain_text("make it")
        await expect(chat.page.locator("#cluster")).to_contain_text("debian for")
        await _until_live(chat)
        await expect(chat.page.locator(".problem")).to_have_count(3)
        await expect(_plot(chat, "stages").locator("path.solid").nth(2)).to_have_attribute(
            "d", re.compile("^M")
        )

        assert await chat.page.evaluate(STICKS_OUT) == []
        assert await chat.page.evaluate(SCROLLS_SIDEWAYS) == []
        assert await chat.page.evaluate(_CROWDED) == []
        # A phone makes its window as wide as what is in it.
        width = await chat.page.evaluate("document.documentElement.scrollWidth")
        assert width == device["viewport"]["width"]
        assert await chat.page.evaluate(_NARROW) == []
        assert await chat.page.evaluate(_TOO_PALE) == []
        assert chat.problems == []


async def test_a_cluster_is_shown_where_there_is_one(stage: StatusStage) -> None:
    async with stage.look() as chat:
        await _until_live(chat)
        card = chat.page.locator("#cluster")
        await expect(card).to_be_hidden()

        stage.service.cluster = CLUSTER
        await expect(card).to_contain_text("2 servers")
        await expect(card).not_to_contain_text(re.compile(r"10\.0\.0|debian"))
        await expect(card.locator('[data-level="normal"]')).to_have_count(4)
        stage.service.cluster = CLUSTER | asdict(ClusterFacts())
        await expect(card.locator('[data-level="critical"]')).to_have_text(
            ["nobody", "most do not answer"]
        )
        await expect(card.locator('[data-level="attention"]')).to_have_text(["not known", "away"])
        assert chat.problems == []


async def test_the_operator_signs_in_to_see_names_and_prompts(stage: StatusStage) -> None:
    stage.service.queue = queue_of(ended=(EndedJob("7", 5, "ok", "create", "a red fox"),))
    async with stage.look(http_credentials=_PASSWORD) as chat:
        latest = chat.page.locator("#latest")
        await expect(latest).not_to_contain_text("a red fox")

        await latest.get_by_text("Sign in to see names and prompts").click()

        await expect(latest).to_contain_text("a red fox")


async def test_the_status_page_updates_without_a_reload(stage: StatusStage) -> None:
    async with stage.look() as chat:
        queue = chat.page.locator('[data-vital="queue_jobs"]')
        state = chat.page.locator("#state")
        await expect(state).to_have_text("All is well")

        stage.service.set_facts(waiting=57)
        await expect(queue.locator(".value")).to_have_text("57 waiting")
        await expect(chat.page.get_by_role("meter", name="Queue")).to_have_attribute(
            "aria-valuetext", "57; attention from 50, critical above 100"
        )
        await expect(state).to_have_text("Attention")
        await expect(chat.page.locator(".problem")).to_contain_text("57 pictures are waiting")
        await expect(chat.page.locator(".problem")).to_contain_text("not the bottleneck")
        await expect(chat.page).to_have_title("Attention · imgbot")

        stage.service.set_facts(waiting=3)
        await expect(state).to_have_text("All is well")
        await expect(chat.page.locator(".problem")).to_have_count(0)
        assert chat.problems == []


async def test_plots_tell_in_words_what_they_show(stage: StatusStage) -> None:
    async with stage.look() as chat:
        await expect(_plot(chat, "queue").locator("figcaption")).to_contain_text("The most were 7")
        await expect(_plot(chat, "stages").locator("figcaption")).to_contain_text(
            "5.5 s of late, most of it “provider”"
        )
        await expect(_plot(chat, "throughput").locator("figcaption")).to_contain_text("delivered")
        await expect(_plot(chat, "errors").locator("figcaption")).to_have_text("No job failed.")
        await expect(_plot(chat, "refusals").locator("figcaption")).to_contain_text(
            "requests over the rate limit"
        )
        await expect(
            chat.page.get_by_role("group", name=re.compile("^Queue. .*The most were 7"))
        ).to_be_visible()
        await _plot(chat, "queue").get_by_text("Figures").click()
        rows = _plot(chat, "queue").locator("tbody tr")
        await expect(rows).to_have_count(24)
        await expect(rows.nth(5).locator("td").first).to_have_text("7")


async def test_how_far_back_is_chosen_with_the_keyboard_and_remembered(stage: StatusStage) -> None:
    async with stage.look() as chat:
        radios = chat.page.get_by_role("radio")
        await expect(radios).to_have_text(["1 h", "3 h", "12 h"])
        await radios.nth(1).focus()

        await chat.page.keyboard.press("ArrowRight")
        await expect(radios.nth(2)).to_be_focused()
        await expect(radios.nth(2)).to_be_checked()
        await chat.page.reload()

        await expect(radios.nth(2)).to_be_checked()


async def test_the_figures_of_a_plot_are_reached_with_the_keyboard(stage: StatusStage) -> None:
    async with stage.look() as chat:
        await _until_live(chat)
        canvas = _plot(chat, "queue").locator(".canvas")
        tip = canvas.locator(".tip")
        await expect(tip).to_be_hidden()
        await canvas.focus()

        for _ in range(6):
            await chat.page.keyboard.press("ArrowLeft")
        await expect(tip).to_contain_text("waiting7")
        await chat.page.keyboard.press("Home")
        await expect(tip).to_contain_text("no data")
        await chat.page.keyboard.press("Escape")

        await expect(tip).to_be_hidden()


async def test_the_page_says_when_the_service_is_away_and_back(stage: StatusStage) -> None:
    async with stage.look() as chat:
        await _until_live(chat)
        connection = chat.page.locator("#connection")
        await expect(connection).to_be_hidden()

        await stage.stop()
        await expect(connection).to_contain_text("does not answer since")
        await expect(chat.page.locator("#state")).to_have_text("No answer")
        await expect(chat.page.locator(".vital")).to_have_count(6)
        await stage.start_again()

        await expect(connection).to_be_hidden()
        await expect(chat.page.locator("#state")).to_have_text("All is well")


async def test_words_from_outside_stay_words(stage: StatusStage) -> None:
    about = "<img src=x onerror=alert(1)>"
    stage.service.workers = [worker(1, 99, about, 2.0, 1000)]
    async with stage.look() as chat:
        await expect(chat.page.locator("#workers")).to_contain_text(about)
        await expect(chat.page.locator("#workers img")).to_have_count(0)
        assert chat.problems == []
