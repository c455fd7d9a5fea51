"""The alerts that come with the bot: valid, tested one by one, at the guide's bounds."""

import re
import subprocess
from itertools import pairwise

import pytest

from imgbot.config.sources import table
from imgbot.telemetry.thresholds import THRESHOLDS, Indicator
from tests.fixtures.prometheus import RULES, SHIPPED, find_tool

TESTS = SHIPPED / "imgbot.rules.test.yml"
# Who asks for attention at which bound, and who calls it critical.
ALERTS = {
    Indicator.QUEUE_JOBS: ("ImgbotQueueLong", "ImgbotQueueVeryLong"),
    Indicator.JOB_TIME_S: ("ImgbotJobsSlow", "ImgbotJobsVerySlow"),
    Indicator.CPU_RATIO: ("ImgbotCpuHigh", None),
    Indicator.MEMORY_RATIO: ("ImgbotMemoryHigh", None),
    Indicator.ERROR_RATIO: ("ImgbotErrorRatio", None),
    Indicator.UPDATE_AGE_S: ("ImgbotUpdateWaits", "ImgbotUpdateWaitsLong"),
}


def _blocks() -> dict[str, str]:
    """Each alert's own lines of the file, by its name."""
    text = RULES.read_text()
    found = list(re.finditer(r"^ +- alert: (\w+)$", text, re.MULTILINE))
    ends = [match.start() for match in found] + [len(text)]
    blocks = {
        match[1]: text[begin:end] for match, (begin, end) in zip(found, pairwise(ends), strict=True)
    }
    assert len(blocks) == len(found), "a name stands twice"
    return blocks


BLOCKS = _blocks()


def _expression(alert: str) -> str:
    found = re.search(r"expr:(?: \|)?\s(.+?)\n {8}(?:for|labels):", BLOCKS[alert], re.DOTALL)
    assert found is not None
    return found[1]


def _promtool(*arguments: str) -> None:
    command = [find_tool("promtool"), *arguments]
    done = subprocess.run(command, cwd=SHIPPED, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_are_valid() -> None:
    _promtool("check", "rules", "--lint=all", "--lint-fatal", RULES.name)


def test_each_alert_does_what_its_tests_say() -> None:
    _promtool("test", "rules", TESTS.name)


def test_each_alert_is_tested_quiet_and_firing() -> None:
    told = re.findall(r"alertname: (\w+)\n +exp_alerts:( \[\])?$", TESTS.read_text(), re.MULTILINE)

    assert {alert for alert, quiet in told if quiet} == set(BLOCKS)
    assert {alert for alert, quiet in told if not quiet} == set(BLOCKS)


@pytest.mark.parametrize("vital", list(Indicator), ids=str)
def test_the_bounds_are_those_of_the_guide(vital: Indicator) -> None:
    bounds = THRESHOLDS[vital]
    attention, critical = ALERTS[vital]

    asked = re.search(r">= ([\d.]+)", _expression(attention))

    assert asked is not None
    assert float(asked[1]) == bounds.attention
    assert "severity: warning" in BLOCKS[attention]
    assert (critical is None) == (bounds.critical is None)
    if critical is not None and bounds.critical is not None:
        assert _expression(critical).endswith(f" > {bounds.critical:g}")
        assert "severity: critical" in BLOCKS[critical]


@pytest.mark.parametrize("alert", sorted(BLOCKS))
def test_each_alert_says_what_is_wrong_where_to_look_and_what_to_turn(alert: str) -> None:
    block = BLOCKS[alert]
    settings = {variable for variable, _, _ in table()}

    assert re.search(r"severity: (warning|critical)\}", block)
    for annotation in ("summary", "description", "setting"):
        assert len(re.findall(rf"^ +{annotation}: \S", block, re.MULTILINE)) == 1
    assert set(re.findall(r"IMGBOT_[A-Z_]+", block)) <= settings


def test_what_is_scraped_is_where_the_bot_listens() -> None:
    default = {variable: default.strip("`") for variable, default, _ in table()}["IMGBOT_HTTP"]
    scrape = (SHIPPED / "imgbot.yml").read_text()

    assert f'targets: ["{default}"]' in scrape
    assert "job_name: imgbot\n" in scrape
