"""A real Prometheus that scrapes one bot by the shipped files, asked by its own API."""

import asyncio
import json
import math
import os
import re
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from imgbot.sandbox.bot_process import free_port
from tests.support.waiting import PATIENCE_S, eventually

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "systemd" / "prometheus"
RULES = SHIPPED / "imgbot.rules.yml"
DASHBOARD = ROOT / "systemd" / "grafana" / "imgbot.json"

_CONFIG = """
global: {scrape_interval: 500ms, evaluation_interval: 500ms}
rule_files: [imgbot.rules.yml]
scrape_config_files: [imgbot.yml]
"""


def find_tool(name: str) -> str:
    """The path of a program of Debian's package prometheus; without it, skip or fail in CI."""
    path = shutil.which(name)
    if path is None:
        sentence = f"this needs {name}: apt-get install prometheus"
        if os.environ.get("CI") == "true":
            pytest.fail(sentence)
        pytest.skip(sentence)
    return path


def panels() -> list[dict[str, Any]]:
    """The panels of the dashboard, without the rows between them."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def dashboard() -> dict[str, Any]:
    return json.loads(DASHBOARD.read_text(encoding="utf-8"))


def asked_of(query: str) -> str:
    """A query of the dashboard with its variables filled in, as Grafana would.

    Over an hour, so that what happened once is still in it when the last query is asked.
    """
    return query.replace("$__rate_interval", "1h").replace("$job", "imgbot")


@dataclass(frozen=True, slots=True)
class Prometheus:
    """One that runs."""

    url: str

    async def ask(self, path: str, **params: str) -> Any:
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
            answer = (await client.get(f"{self.url}/api/v1/{path}", params=params)).json()
        assert answer["status"] == "success", (params, answer)
        return answer["data"]

    async def values(self, query: str) -> list[float]:
        """What an instant query gives now, without what is no number (no events yet)."""
        found = (await self.ask("query", query=query))["result"]
        values = [float(sample["value"][1]) for sample in found]
        return [value for value in values if math.isfinite(value)]

    async def firing(self) -> set[str]:
        alerts = (await self.ask("alerts"))["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    async def until_firing(self, alert: str) -> None:
        await eventually(self.firing, lambda firing: alert in firing, what=f"{alert} fires")

    async def until_over(self, alert: str) -> None:
        await eventually(self.firing, lambda firing: alert not in firing, what=f"{alert} is over")


@asynccontextmanager
async def open_prometheus(folder: Path, bot_port: int) -> AsyncGenerator[Prometheus]:
    """Run one on the shipped files, in a hurry: short intervals, and alerts that do not wait."""
    program = find_tool("prometheus")
    _write_files(folder, bot_port)
    port = free_port()
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            program,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            stdout=log,
            stderr=log,
        )
    try:
        prometheus = Prometheus(f"http://127.0.0.1:{port}")
        await eventually(lambda: _is_ready(process, prometheus), what="Prometheus is ready")
        yield prometheus
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _write_files(folder: Path, bot_port: int) -> None:
    folder.mkdir()
    (folder / "prometheus.yml").write_text(_CONFIG)
    scrape = (SHIPPED / "imgbot.yml").read_text()
    scrape = scrape.replace("127.0.0.1:8080", f"127.0.0.1:{bot_port}")
    (folder / "imgbot.yml").write_text(scrape.replace("scrape_interval: 15s", ""))
    rules = re.sub(r"^( +for:) \w+$", r"\1 0s", RULES.read_text(), flags=re.MULTILINE)
    (folder / "imgbot.rules.yml").write_text(rules)


async def _is_ready(process: asyncio.subprocess.Process, prometheus: Prometheus) -> bool:
    assert process.returncode is None, "Prometheus ended"
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
            return (await client.get(f"{prometheus.url}/-/ready")).status_code == 200
    except httpx.TransportError:
        return False
