"""A real Prometheus scrapes a real bot: its figures, its dashboard, its alerts."""

import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.fixtures.bot import PAID, SOON
from tests.fixtures.processes import children_of, redis_of
from tests.fixtures.prometheus import (
    Prometheus,
    asked_of,
    dashboard,
    find_tool,
    open_prometheus,
    panels,
)
from tests.fixtures.sandbox import picture
from tests.fixtures.waiting import eventually
from tests.integration.stage import Stage, has_buttons, open_stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

LABELS = {
    *("operation", "status", "stage", "queue", "state", "type", "reason", "exception", "kind"),
    *("method", "code", "provider", "verdict", "version", "part", "le"),
}
SETTINGS = {
    "IMGBOT_WORKERS": "1",
    "IMGBOT_JOBS_PER_WORKER": "1",
    "IMGBOT_PER_USER": "waiting=100",
    **PAID,
    "IMGBOT_DAILY_BUDGET": "1000",
}


@dataclass(frozen=True, slots=True)
class Watched:
    """A bot and the Prometheus that watches it; `first` is /metrics before anything happened."""

    stage: Stage
    prometheus: Prometheus
    first: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    async for stage in open_stage(folder, SOON, **SETTINGS):
        first = await stage.bot.get("/metrics")
        async with open_prometheus(folder / "prometheus", stage.bot.http_port) as prometheus:
            yield Watched(stage, prometheus, first)


async def serve_some(stage: Stage) -> list[str]:
    """Pictures made, refused and failed; returns words that belong in no figure."""
    user = await stage.user("Zinaida")
    await user.order("a periwinkle")
    for words in ("a gherkin [[sim:moderated]]", "a colander [[sim:fail]]"):
        await user.ask(words, fits=has_buttons)
    await user.order("black and white", picture())
    return ["Zinaida", str(user.id), "periwinkle", "gherkin", "colander", "black and white"]


def series_of(metrics: str) -> set[str]:
    """The names with their labels, without the values."""
    return {line.rpartition(" ")[0] for line in metrics.splitlines() if not line.startswith("#")}


def complaints_of(metrics: str) -> str:
    """What Prometheus' own linter says of a scrape."""
    command = [find_tool("promtool"), "check", "metrics"]
    found = subprocess.run(command, input=metrics, capture_output=True, text=True, check=False)
    return found.stdout + found.stderr


async def scraped(watched: Watched) -> None:
    """Wait until this life of the bot was scraped: only what comes after it is an increase."""
    metrics = await watched.stage.bot.get("/metrics")
    began = re.search(r"^process_start_time_seconds (\S+)$", metrics, re.MULTILINE)
    assert began
    await eventually(
        lambda: watched.prometheus.values('process_start_time_seconds{job="imgbot"}'),
        lambda found: found == [float(began[1])],
        what="this life of the bot was scraped",
    )


async def test_every_query_of_the_dashboard_gives_figures(watched: Watched) -> None:
    await scraped(watched)
    await serve_some(watched.stage)

    queries = {
        f"{panel['title']}, {target['refId']}": target["expr"]
        for panel in panels()
        for target in panel["targets"]
        # This bot is in none.
        if not re.search(r"(?<!\) )imgbot_cluster_", target["expr"])
    }
    for name, query in queries.items():
        await eventually(
            lambda query=query: watched.prometheus.values(asked_of(query)),
            what=f"{name} gives figures: {query}",
        )
    for annotation in dashboard()["annotations"]["list"]:
        await watched.prometheus.ask("query", query=asked_of(annotation["expr"]))


async def test_every_series_is_there_from_the_start_and_tells_of_nobody(watched: Watched) -> None:
    secrets = await serve_some(watched.stage)

    metrics = await watched.stage.bot.get("/metrics")

    new = series_of(metrics) - series_of(watched.first)
    # Which errors a program has is known when it has had them.
    assert {name for name in new if "handler_errors" not in name} == set()
    assert set(re.findall(r'[{,](\w+)="', metrics)) <= LABELS
    assert [secret for secret in secrets if secret in metrics] == []


async def test_the_figures_are_named_as_prometheus_wants_them(watched: Watched) -> None:
    metrics = await watched.stage.bot.get("/metrics")

    assert complaints_of(metrics) == ""


async def test_the_bot_its_workers_and_its_redis_are_measured(watched: Watched) -> None:
    await serve_some(watched.stage)
    bot = watched.stage.bot

    for part in ("bot", "workers", "redis"):
        for name in ("processes", "processes_memory_bytes", "processes_cpu_seconds_total"):
            query = f'imgbot_{name}{{part="{part}"}} > 0'
            await eventually(lambda query=query: watched.prometheus.values(query), what=query)
    await eventually(
        lambda: watched.prometheus.values("sum(imgbot_processes)"),
        lambda found: found == [1 + len(children_of(bot.pid))],
        what="all processes are counted",
    )


async def test_a_long_queue_is_told_until_more_is_made_at_once(watched: Watched) -> None:
    stage, prometheus = watched.stage, watched.prometheus
    await prometheus.until_over("ImgbotQueueLong")
    users = [await stage.user(f"P{number}") for number in range(9)]
    await users[0].ask("a fox [[sim:slow=3600]]")
    for _ in range(6):
        for user in users:
            await user.say("a fox")

    await prometheus.until_firing("ImgbotQueueLong")
    assert "ImgbotQueueVeryLong" not in await prometheus.firing()

    await stage.bot.stop()
    stage.bot.settings["IMGBOT_JOBS_PER_WORKER"] = "20"
    await stage.bot.start()
    await prometheus.until_over("ImgbotQueueLong")


async def test_a_killed_bot_is_told_until_it_is_back(watched: Watched) -> None:
    await watched.prometheus.until_over("ImgbotDown")
    await watched.stage.bot.kill()
    await watched.prometheus.until_firing("ImgbotDown")

    await watched.stage.bot.start()
    await watched.prometheus.until_over("ImgbotDown")


async def test_a_redis_that_hangs_is_told_until_it_answers(watched: Watched) -> None:
    redis = redis_of(watched.stage.bot.pid)
    await watched.prometheus.until_over("ImgbotRedisAway")
    os.kill(redis, signal.SIGSTOP)
    try:
        await watched.prometheus.until_firing("ImgbotRedisAway")
    finally:
        os.kill(redis, signal.SIGCONT)
    await watched.prometheus.until_over("ImgbotRedisAway")
