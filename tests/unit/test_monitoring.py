"""Alert rules and dashboard as shipped: complete, at the guide's bounds."""

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from imgbot.telemetry.thresholds import THRESHOLDS, Indicator
from tests.fixtures.prometheus import RULES, SHIPPED, alert_blocks, dashboard, find_tool, panels
from tests.fixtures.settings_table import table

CASES = Path(__file__).parents[1] / "fixtures" / "alert_rules.toml"


def _promtool(*arguments: str) -> None:
    command = [find_tool("promtool"), *arguments]
    done = subprocess.run(command, cwd=SHIPPED, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _series(text: str) -> dict[str, str]:
    """Series of a case, with the labels that each has."""
    selector, _, values = text.partition(" ")
    name, _, labels = selector.partition("{")
    return {"series": f'{name}{{job="imgbot",instance="a:8080",{labels or "}"}', "values": values}


def _advice(alert: str, annotation: str) -> str:
    found = re.search(
        rf"^ +{annotation}: >-\n((?: {{12}}.*\n)+)", alert_blocks()[alert], re.MULTILINE
    )
    assert found
    return " ".join(found[1].split())


def _rule_test(case: dict[str, Any]) -> dict[str, Any]:
    """A test of promtool."""
    alert = case["alert"]
    expected: dict[str, list[Any]] = {at: [] for at in case.get("quiet", [])}
    if "fires" in case:
        labels = {"job": "imgbot", "instance": "a:8080"} | case["labels"]
        annotations = {each: _advice(alert, each) for each in ("description", "setting")}
        fired = {
            "exp_labels": {name: value for name, value in labels.items() if value},
            "exp_annotations": {"summary": case["summary"], **annotations},
        }
        expected[case["fires"]] = [fired]
    return {
        "interval": "30s",
        "input_series": list(map(_series, case["series"])),
        "alert_rule_test": [
            {"eval_time": at, "alertname": alert, "exp_alerts": alerts}
            for at, alerts in expected.items()
        ],
    }


def test_the_rules_are_valid_and_each_alert_is_quiet_and_fires_when_it_should(
    tmp_path: Path,
) -> None:
    cases = tomllib.loads(CASES.read_text(encoding="utf-8"))["case"]
    tests = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "30s",
        "tests": list(map(_rule_test, cases)),
    }
    file = tmp_path / "tests.yml"
    file.write_text(json.dumps(tests))

    _promtool("check", "rules", "--lint=all", "--lint-fatal", RULES.name)
    _promtool("test", "rules", str(file))
    assert {case["alert"] for case in cases} == alert_blocks().keys()


def test_what_a_cluster_shares_alerts_by_its_leader_alone(tmp_path: Path) -> None:
    shared = r"imgbot_(queue_jobs|queue_oldest|job_oldest|spend_today|redis_memory_bytes)"
    stands_by = 'imgbot_cluster_up{part="leader"} 0x99'
    cases = [
        {"alert": case["alert"], "series": [*case["series"], stands_by], "quiet": [case["fires"]]}
        for case in tomllib.loads(CASES.read_text(encoding="utf-8"))["case"]
        if re.search(shared, str(case["series"]))
    ]
    file = tmp_path / "tests.yml"
    file.write_text(json.dumps({"rule_files": [str(RULES)], "tests": list(map(_rule_test, cases))}))

    assert len(cases) >= 6
    _promtool("test", "rules", str(file))


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
        # That of its panel.
        assert "datasource" not in target
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


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("queue_jobs", 14),
        ("spend_today_usd", 14),
        ("spend_budget_usd", 14),
        ("redis_memory_bytes", 14),
        ("redis_memory_max_bytes", 14),
        ("last_poll_success_timestamp_seconds", 113),
    ],
)
def test_what_a_cluster_shares_is_told_by_its_leader(
    name: str, shown: float, tmp_path: Path
) -> None:
    expressions = [
        target["expr"].replace("$job", ".+")
        for panel in panels()
        for target in panel.get("targets", [])
        if f"imgbot_{name}{{" in target["expr"]
    ]
    labels = {"queue": "img_queue", "state": "waiting"} if name == "queue_jobs" else {}
    figures = [
        {"series": _named(f"imgbot_{name}", instance=at, **labels), "values": f"{figure}x9"}
        for at, figure in (("leads", 7), ("stands-by", 5), ("alone", 7))
    ]
    leads = [
        {"series": _named("imgbot_cluster_up", instance=at, part="leader"), "values": f"{one}x9"}
        for at, one in (("leads", 1), ("stands-by", 0))
    ]
    sums = [
        {
            "expr": f"sum({expression})",
            "eval_time": "2m",
            "exp_samples": [{"labels": "{}", "value": shown}],
        }
        for expression in expressions
    ]
    file = tmp_path / "tests.yml"
    tests = [{"interval": "30s", "input_series": figures + leads, "promql_expr_test": sums}]
    file.write_text(json.dumps({"rule_files": [], "tests": tests}))

    assert sums
    _promtool("test", "rules", str(file))


def test_no_panel_is_empty_where_the_standby_alone_is_scraped(tmp_path: Path) -> None:
    figures = ("lag_bytes", "takeover_seconds", "leader_since_timestamp_seconds")
    names = [f"imgbot_cluster_{each}" for each in figures]
    asked = {
        panel["title"]: target["expr"].replace("$job", ".+")
        for panel in panels()
        for target in panel["targets"]
        if "imgbot_cluster_" in target["expr"]
    }
    # Another bot asks Telegram, and the panel says so.
    del asked["Telegram's last answer"]
    names += {name for each in asked.values() for name in re.findall(r"\w+(?=\{)", each)}
    series = [
        {"series": _named(each, instance="b", state="waiting"), "values": "5x9"}
        for each in names
        if each != "imgbot_cluster_up"
    ]
    for part, figure in (("leader", 0), ("replica", 1)):
        up = _named("imgbot_cluster_up", instance="b", part=part)
        series.append({"series": up, "values": f"{figure}x9"})
    told = [
        {
            "expr": f"count({each}) > bool 0",
            "eval_time": "2m",
            "exp_samples": [{"labels": "{}", "value": 1}],
        }
        for each in asked.values()
    ]
    tests = [{"interval": "30s", "input_series": series, "promql_expr_test": told}]
    file = tmp_path / "tests.yml"
    file.write_text(json.dumps({"rule_files": [], "tests": tests}))

    _promtool("test", "rules", str(file))
    silent = PANELS["Telegram's last answer"]["fieldConfig"]["defaults"]
    assert silent["noValue"] == "stands by"


def _named(name: str, **labels: str) -> str:
    said = ",".join(f"{key}={json.dumps(value)}" for key, value in labels.items())
    return f'{name}{{job="imgbot",{said}}}'
