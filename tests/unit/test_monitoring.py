"""Alert rules and dashboard as shipped: complete, at the guide's bounds."""

import json
import re
import subprocess
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from imgbot.telemetry.thresholds import THRESHOLDS, Indicator
from tests.fixtures.prometheus import RULES, SHIPPED, alert_blocks, dashboard, find_tool, panels
from tests.fixtures.settings_table import table


def _promtool(*arguments: str) -> None:
    command = [find_tool("promtool"), *arguments]
    done = subprocess.run(command, cwd=SHIPPED, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_are_valid_and_each_alert_does_what_its_tests_say() -> None:
    _promtool("check", "rules", "--lint=all", "--lint-fatal", RULES.name)
    _promtool("test", "rules", "imgbot.rules.test.yml")


@pytest.mark.parametrize("alert", sorted(alert_blocks()))
def test_each_alert_says_what_is_wrong_where_to_look_and_what_to_turn(alert: str) -> None:
    block = alert_blocks()[alert]
    settings = {variable for variable, _, _ in table()}

    assert re.search(r"severity: (warning|critical)\}", block)
    for annotation in ("summary", "description", "setting"):
        assert len(re.findall(rf"^ +{annotation}: \S", block, re.MULTILINE)) == 1
    assert set(re.findall(r"IMGBOT_[A-Z_]+", block)) <= settings


PANELS = {panel["title"]: panel for panel in panels()}
STATS = {
    "Waiting jobs": Indicator.QUEUE_JOBS,
    "Job time, 19 of 20": Indicator.JOB_TIME_S,
    "CPU": Indicator.CPU_RATIO,
    "Memory": Indicator.MEMORY_RATIO,
    "Failed jobs": Indicator.ERROR_RATIO,
    "Oldest unhandled update": Indicator.UPDATE_AGE_S,
}
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def test_the_dashboard_can_be_imported_anywhere() -> None:
    found = dashboard()
    variables = {variable["name"]: variable for variable in found["templating"]["list"]}

    assert found["id"] is None
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", found["uid"])
    assert variables["datasource"]["type"] == "datasource"
    assert variables["job"]["datasource"] == SOURCE
    assert {"title", "description", "schemaVersion", "time", "refresh"} <= found.keys()
    assert len(PANELS) == len(panels()), "two panels have the same title"


def test_the_dashboard_is_as_grafanas_schema_has_it() -> None:
    register_default_plugins()
    ours = dashboard()

    theirs = json.loads(json.dumps(Dashboard.from_json(ours), cls=JSONEncoder))

    assert sorted(set(_unlike(ours, theirs)) - OF_PLUGINS) == []


# Prometheus' own, of which the schema of dashboards knows nothing.
OF_PLUGINS = {
    *("annotations.list.step", "annotations.list.textFormat", "annotations.list.titleFormat"),
    "templating.list.definition",
}


def _unlike(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Paths that Grafana's own library reads otherwise, or must have and puts in empty."""
    match ours, theirs:
        case dict(), dict():
            for name in ours.keys() | theirs.keys():
                where = f"{path}.{name}".strip(".")
                yield from _unlike(ours.get(name), theirs.get(name), where)
        case list(), list():
            for one, other in zip_longest(ours, theirs):
                yield from _unlike(one, other, path)
        # What is added and no list has a default.
        case None, None | str() | int() | float():
            pass
        case _ if ours != theirs:
            yield path


@pytest.mark.parametrize("title", list(PANELS))
def test_each_panel_says_what_it_shows_and_in_what(title: str) -> None:
    panel = PANELS[title]

    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == SOURCE
    assert panel["targets"]
    for target in panel["targets"]:
        assert target["datasource"] == SOURCE
        assert target["legendFormat"]
        assert 'job=~"$job"' in target["expr"]
    letters = [target["refId"] for target in panel["targets"]]
    assert len(set(letters)) == len(letters)


@pytest.mark.parametrize(("title", "indicator"), STATS.items(), ids=map(str, STATS.values()))
def test_the_colours_are_those_of_the_guide(title: str, indicator: Indicator) -> None:
    bounds = THRESHOLDS[indicator]

    assert _steps(PANELS[title])[:2] == [("green", None), ("yellow", bounds.attention)]
    if bounds.critical is None:
        assert len(_steps(PANELS[title])) == 2
    else:
        # Red begins above the bound; of jobs that is the next whole one.
        red = bounds.critical + (1 if indicator is Indicator.QUEUE_JOBS else 0)
        assert _steps(PANELS[title])[2:] == [("red", red)]


def _steps(panel: dict[str, Any]) -> list[tuple[str, float | None]]:
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    return [(step["color"], step["value"]) for step in steps]
