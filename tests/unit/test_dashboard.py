"""The dashboard as a file: complete, laid out without gaps and overlaps, at the guide's bounds."""

import re
from typing import Any

import pytest

from imgbot.telemetry.thresholds import THRESHOLDS, Indicator
from tests.fixtures.prometheus import dashboard, panels

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


def test_no_panel_has_the_place_or_the_number_of_another() -> None:
    taken: dict[tuple[int, int], str] = {}
    numbers: list[int] = []
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        numbers.append(panel["id"])
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, f"{panel['title']} over {taken.get((x, y))}"
                taken[x, y] = panel["title"]

    assert len(set(numbers)) == len(numbers)
    assert len(taken) == 24 * (1 + max(y for _, y in taken)), "there is a gap"


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


@pytest.mark.parametrize(("title", "vital"), STATS.items(), ids=map(str, STATS.values()))
def test_the_colours_are_those_of_the_guide(title: str, vital: Indicator) -> None:
    bounds = THRESHOLDS[vital]

    assert _steps(PANELS[title])[:2] == [("green", None), ("yellow", bounds.attention)]
    if bounds.critical is None:
        assert len(_steps(PANELS[title])) == 2
    else:
        # Red begins above the bound; of jobs that is the next whole one.
        red = bounds.critical + (1 if vital is Indicator.QUEUE_JOBS else 0)
        assert _steps(PANELS[title])[2:] == [("red", red)]


def _steps(panel: dict[str, Any]) -> list[tuple[str, float | None]]:
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    return [(step["color"], step["value"]) for step in steps]
