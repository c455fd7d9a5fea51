"""Fixtures of all tests: a real Redis of their own."""

import gc
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from PIL import Image
from redis import Redis as SyncRedis
from redis.exceptions import ConnectionError as RedisConnectionError

from imgbot.storage.client import Client, connect
from imgbot.storage.server.process import find_binary
from imgbot.telegram.lazy_models import import_aiogram
from tests.fakes.scripted_server import Script, open_script
from tests.fixtures.bot import BOTS
from tests.fixtures.waiting import wait_until

_LOG_SHOWN = 10_000
"""Characters, the last of each log."""

_SLOW_FOLDERS = {"browser", "crash", "simulation"}
# They take longest, and begin first, so that no process waits for a late one at the end.
_LONGEST = {
    f"test_{name}.py"
    for name in ("simulation", "bugs", "engine_cutouts", "this_picture", "groups", "conversation",
                 "onefile", "remix", "outages", "marked_photos", "albums", "operations",
                 "missing_files", "variants", "forgetting", "broadcast", "install", "doctor",
                 "prometheus", "loadtest", "pool_supervisor", "server_faults", "backup_moves",
                 "backup_refused", "parts_killed", "supervisor_killed", "cluster",
                 "cluster_network", "chat_isolation")
}  # fmt: skip

# Else every process that a test starts would compile the whole program anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# The same inputs in every run; fixtures of a test serve all of its inputs.
settings.register_profile(
    "imgbot",
    derandomize=True,
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("imgbot")
# As the bot does: its 444 models take three seconds otherwise, in each process that collects.
import_aiogram()


def pytest_itemcollected(item: pytest.Item) -> None:
    if item.path.parent.name in _SLOW_FOLDERS:
        item.add_marker("slow")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in _LONGEST)


def pytest_collection_finish() -> None:
    """Spare the garbage collector what has been imported."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what its bots have logged, those of its module too."""
    report = yield
    if report.failed:
        report.sections += [(f"Log of {bot.state_dir}", bot.log[-_LOG_SHOWN:]) for bot in BOTS]
    return report


@pytest.fixture(scope="session")
def shared_redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("redis")
    socket = folder / "s"
    server = subprocess.Popen(
        [
            str(find_binary()),
            *("--port", "0", "--unixsocket", str(socket), "--dir", str(folder)),
            *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"unix://{socket}"
    with SyncRedis.from_url(url) as redis:
        wait_until(lambda: _answers(redis), "the Redis of the tests answers")
    yield url
    server.kill()
    server.wait()


def _answers(redis: SyncRedis) -> bool:
    try:
        return bool(redis.ping())
    except RedisConnectionError:
        return False


@pytest.fixture
def redis_url(shared_redis_url: str) -> str:
    """Address of a real Redis, emptied, which knows no script either."""
    with SyncRedis.from_url(shared_redis_url) as redis:
        redis.flushall()
        redis.script_flush()
    return shared_redis_url


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Client]:
    redis = connect(redis_url)
    yield redis
    await redis.aclose()


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    async with open_script() as script:
        yield script


@pytest.fixture(autouse=True)
def pillows_own_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker limits Pillow for good; in a test's process that would hold for all others."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder
