"""Alert states and heartbeats: each change is reported once, and never for a moment."""

import pytest

from imgbot.telemetry.liveness import GRACE_S, Heartbeat, most_overdue
from imgbot.telemetry.thresholds import (
    FIRING,
    INACTIVE,
    THRESHOLDS,
    AlertState,
    HoldTime,
    Indicator,
    Level,
    Reading,
    Transition,
    decide,
    reading_of,
)

HOLD = HoldTime(60, 120)
SIGNS = {"x": Reading.BAD, ".": Reading.GOOD, "?": Reading.OPEN}


def told(
    signs: str, hold: HoldTime = HOLD, course: AlertState = INACTIVE, step_s: float = 30
) -> str:
    """What is told of one sign per step: ! begun, o over, - nothing."""
    story = ""
    for index, sign in enumerate(signs):
        now_ms = 1_800_000_000_000 + round(index * step_s * 1000)
        course, change = decide(course, SIGNS[sign], hold, now_ms)
        story += {None: "-", Transition.FIRED: "!", Transition.RESOLVED: "o"}[change]
    return story


@pytest.mark.parametrize(
    ("signs", "story"),
    [
        ("xxxxxxxx", "--!-----"),
        ("xx.xx.xx", "--------"),
        ("xx?xx?xx", "--------"),
        ("xxx.....", "--!----o"),
        ("xxx..x....?.....", "--!------------o"),
        ("xxx.....xxx.....", "--!----o--!----o"),
        ("xxx????????", "--!--------"),
        ("????....", "--------"),
    ],
)
def test_each_incident_is_told_once_at_its_begin_and_once_at_its_end(
    signs: str, story: str
) -> None:
    assert told(signs) == story


def test_a_hold_a_restart_and_a_clock_that_goes_back() -> None:
    assert told("x.x.?.", HoldTime()) == "!o!o--"
    # What was told before a restart is not told again, and its end is.
    assert told("xxxx.....", course=FIRING) == "--------o"
    assert told("xxxx", step_s=-600) == "----"
    assert told("....", course=FIRING, step_s=-600) == "----"


def test_a_clock_set_back_a_day_delays_an_incident_by_no_more_than_its_hold() -> None:
    day_ms, now_ms = 86_400_000, 1_800_000_000_000
    rising, _ = decide(INACTIVE, Reading.BAD, HOLD, now_ms)
    anew, nothing = decide(rising, Reading.BAD, HOLD, now_ms - day_ms)
    course, change = decide(anew, Reading.BAD, HOLD, now_ms - day_ms + 60_000)

    assert (nothing, course, change) == (None, FIRING, Transition.FIRED)


@pytest.mark.parametrize(
    ("indicator", "value", "sign"),
    [
        (Indicator.QUEUE_JOBS, 101.0, Reading.BAD),
        (Indicator.QUEUE_JOBS, 100.0, Reading.OPEN),
        (Indicator.QUEUE_JOBS, 49.0, Reading.GOOD),
        (Indicator.JOB_TIME_S, 61.0, Reading.BAD),
        (Indicator.JOB_TIME_S, 45.0, Reading.OPEN),
        (Indicator.CPU_RATIO, 0.70, Reading.BAD),
        (Indicator.CPU_RATIO, 0.65, Reading.OPEN),
        (Indicator.CPU_RATIO, 0.5, Reading.GOOD),
        (Indicator.MEMORY_RATIO, 0.95, Reading.BAD),
        (Indicator.ERROR_RATIO, 0.0, Reading.GOOD),
        (Indicator.ERROR_RATIO, None, Reading.OPEN),
    ],
)
def test_a_figure_is_judged_by_the_guides_bounds(
    indicator: Indicator, value: float | None, sign: Reading
) -> None:
    assert reading_of(indicator, value, THRESHOLDS[indicator].level(value)) is sign


def test_what_is_normal_is_never_bad() -> None:
    # One failure in a quiet night is a high share, and no reason to wake anybody.
    assert reading_of(Indicator.ERROR_RATIO, 0.5, Level.NORMAL) is not Reading.BAD


def test_a_part_is_overdue_from_the_end_of_what_it_asked_for() -> None:
    heartbeat = Heartbeat()
    assert heartbeat.overdue_s(1e9) == 0.0

    heartbeat.expect(45.0, 100.0)
    assert [heartbeat.overdue_s(now_s) for now_s in (100.0, 145.0, 145.5)] == [0.0, 0.0, 0.5]

    heartbeat.expect(45.0, 500.0)
    assert heartbeat.overdue_s(510.0) == 0.0


def test_the_part_that_is_stuck_the_longest_is_named_and_late_is_not_stuck() -> None:
    where = most_overdue({"the poll loop": 61.0, "the pool": 90.4, "the claim loop": 0.0})

    assert where == "the pool should have moved 90 s ago"
    assert most_overdue({"the poll loop": GRACE_S, "the pool": 0.0}) == ""
    assert most_overdue({}) == ""
