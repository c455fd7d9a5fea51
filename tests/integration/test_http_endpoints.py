"""Health, metrics and their page over real HTTP; the figures behind them."""

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter

from imgbot.config.setting_types import Address
from imgbot.domain.errors import ConfigError
from imgbot.ops import lifecycle
from imgbot.ops.http import HttpLimits, OpsServer
from imgbot.ops.resource_usage import ResourceCollector
from imgbot.ops.status.sampler import Check
from imgbot.sandbox.bot_process import free_port
from tests.fakes.status_service import Service
from tests.fixtures.waiting import PATIENCE_S


async def _get(url: str, accept: str = "*/*") -> tuple[int, str, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers={"Accept": accept}) as answer,
    ):
        return answer.status, answer.headers["Content-Type"], await answer.text()


async def _healthz(folder: Path, **checks: Check) -> tuple[int, dict[str, object]]:
    async with Service(folder, checks).server() as server:
        status, _, text = await _get(f"{server.url}/healthz")
    return status, json.loads(text)


async def _well() -> str:
    return ""


async def test_health_is_200_when_all_is_well_and_503_with_what_is_wrong(tmp_path: Path) -> None:
    status, body = await _healthz(tmp_path, redis=_well, pool=lambda: "")

    assert status == 200
    assert body == {"status": "ok", "checks": {"redis": {"ok": True}, "pool": {"ok": True}}}

    status, body = await _healthz(tmp_path, redis=_well, telegram=lambda: "no answer for 130 s")

    assert status == 503
    assert body == {
        "status": "failing",
        "checks": {
            "redis": {"ok": True},
            "telegram": {"ok": False, "detail": "no answer for 130 s"},
        },
    }


async def test_a_check_that_raises_or_hangs_is_a_check_that_failed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("imgbot.ops.status.sampler._CHECK_TIMEOUT_S", 0.05)

    async def raises() -> str:
        raise ValueError("https://host/?key=hunter2")

    async def hangs() -> str:
        await asyncio.Event().wait()
        return ""

    status, body = await _healthz(tmp_path, raises=raises, hangs=hangs)

    assert status == 503
    assert "hunter2" not in json.dumps(body)
    assert "ValueError" in json.dumps(body)
    assert "no answer" in json.dumps(body)


async def test_metrics_come_as_text_and_as_openmetrics(tmp_path: Path) -> None:
    service = Service(tmp_path)
    Counter("imgbot_things_total", "Things.", registry=service.registry).inc(3)

    async with service.server() as server:
        _, plain_type, plain = await _get(f"{server.url}/metrics")
        _, open_type, text = await _get(f"{server.url}/metrics", "application/openmetrics-text")

    assert plain_type.startswith("text/plain; version=")
    assert "imgbot_things_total 3.0" in plain
    assert open_type.startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


async def test_the_page_links_both_and_says_how_things_are(tmp_path: Path) -> None:
    async with Service(tmp_path, {"<redis>": lambda: "down"}).server() as server:
        status, kind, text = await _get(server.url)

    assert status == 200
    assert kind.startswith("text/html")
    assert 'href="/healthz"' in text
    assert 'href="/metrics"' in text
    assert "Not well: &lt;redis&gt;." in text


async def _take_hook(
    _: object, secret: str, __: object, read: Callable[[], Awaitable[bytes]]
) -> bool:
    return secret == "x" and await read() is not None


@pytest.mark.parametrize(
    ("secret", "rest", "status"),
    [
        ("x", "Content-Length: 4\r\n\r\nbody", 200),
        ("x", "Content-Length: 9\r\n\r\nhalf", 408),
        ("forged", "Content-Length: 9\r\n\r\n", 403),
    ],
    ids=["by any name", "not waited for", "a stranger's, not read"],
)
async def test_a_webhook_is_taken_whole_from_whoever_knows_its_secret(
    tmp_path: Path, secret: str, rest: str, status: int
) -> None:
    service = Service(tmp_path)
    service.limits = HttpLimits(body_s=0.05)

    async with service.server(take_hook=_take_hook) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(f"POST /hook/7/{secret} HTTP/1.1\r\nHost: bot.example\r\n{rest}".encode())
        answer = await reader.readline()
        writer.close()

    assert answer.startswith(f"HTTP/1.1 {status} ".encode())


async def test_a_new_connection_takes_the_place_of_the_oldest(tmp_path: Path) -> None:
    service = Service(tmp_path)
    service.limits = HttpLimits(connections=2)

    async with service.server(take_hook=_take_hook) as server:
        silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]
        for _, writer in silent:
            writer.write(b"POST /hook/7/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")

        status, _, _ = await _get(f"{server.url}/healthz")

        assert status == 200
        assert await silent[0][0].read() == b""
        for _, writer in silent:
            writer.close()


async def test_an_address_that_cannot_be_used_names_the_setting(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(ConfigError, match=f"127.0.0.1:{port} is in use") as refusal:
            await Service(tmp_path).server(port).start()

    assert refusal.value.setting == "IMGBOT_HTTP"
    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1:1"):
        await OpsServer(Address("192.0.2.1", 1), Service(tmp_path).watch).start()


async def test_a_page_that_nobody_gave_a_place_moves_from_a_taken_port(tmp_path: Path) -> None:
    with socket.socket() as other, socket.socket() as third:
        for each in (other, third):
            each.bind(("127.0.0.1", 0))
            each.listen()
        taken, also_taken = other.getsockname()[1], third.getsockname()[1]
        spare = (also_taken, free_port())

        address = Address("127.0.0.1", taken)
        server = OpsServer(address, Service(tmp_path).watch, spare_ports=spare)
        async with server, aiohttp.ClientSession() as session:
            status = (await session.get(f"{server.url}/healthz")).status

    assert (server.port, status) == (spare[1], 200)


async def test_a_blocked_loop_is_seen_as_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "LAG_INTERVAL_S", 0.01)
    lags: asyncio.Queue[float] = asyncio.Queue()
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        run = group.create_task(lifecycle.measure_loop_lag(lags.put_nowait))
        await lags.get()

        # Not awaited: it holds the whole loop up, as a careless computation would.
        time.sleep(0.3)  # noqa: ASYNC251
        while await lags.get() < 0.2:
            pass
        run.cancel()


@pytest.fixture
def cgroup(tmp_path: Path) -> ResourceCollector:
    (tmp_path / "proc").write_text("0::/system.slice/imgbot.service\n")
    folder = tmp_path / "mount" / "system.slice" / "imgbot.service"
    folder.mkdir(parents=True)
    for name, text in {
        "cpu.stat": "usage_usec 2500000\nuser_usec 1\n",
        "cpu.max": "50000 100000\n",
        "memory.current": "1000\n",
        "memory.stat": "anon 1\ninactive_file 300\n",
        "memory.max": "4000\n",
        "memory.events": "low 0\noom_kill 2\n",
    }.items():
        (folder / name).write_text(text)
    return ResourceCollector(tmp_path / "proc", tmp_path / "mount")


def test_the_units_own_control_group_is_read(cgroup: ResourceCollector) -> None:
    registry = CollectorRegistry()
    registry.register(cgroup)

    assert registry.get_sample_value("imgbot_cgroup_cpu_seconds_total") == 2.5
    assert registry.get_sample_value("imgbot_cgroup_memory_bytes") == 700
    assert registry.get_sample_value("imgbot_cgroup_memory_max_bytes") == 4000
    assert registry.get_sample_value("imgbot_cgroup_oom_kills_total") == 2
    assert registry.get_sample_value("imgbot_cpu_cores") == 0.5
    assert registry.get_sample_value("imgbot_memory_limit_bytes") == 4000


def test_without_a_control_group_its_figures_are_absent(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    registry.register(ResourceCollector(tmp_path / "none", tmp_path))

    names = {metric.name for metric in registry.collect()}
    assert {"imgbot_cpu_cores", "imgbot_memory_limit_bytes"} <= names
    assert not [name for name in names if "cgroup" in name]
