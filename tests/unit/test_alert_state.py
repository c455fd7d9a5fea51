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


def test_an_incident_without_a_hold_is_reported_at_once() -> None:
    assert told("x.x.?.", HoldTime()) == "!o!o--"


def test_what_was_told_before_a_restart_is_not_told_again_and_its_end_is() -> None:
    assert told("xxxx.....", course=FIRING) == "--------o"


def test_a_clock_that_goes_back_neither_begins_nor_ends_anything() -> None:
    assert told("xxxx", step_s=-600) == "----"
    assert told("....", course=FIRING, step_s=-600) == "----"


def test_a_clock_set_back_a_day_delays_an_incident_by_no_more_than_its_hold() -> None:
    day_ms, now_ms = 86_400_000, 1_800_000_000_000
    rising, _ = decide(INACTIVE, Reading.BAD, HOLD, now_ms)
    anew, nothing = decide(rising, Reading.BAD, HOLD, now_ms - day_ms)
    course, change = decide(anew, Reading.BAD, HOLD, now_ms - day_ms + 60_000)

    assert (nothing, course, change) == (None, FIRING, Transition.FIRED)


@pytest.mark.parametrize(
    ("vital", "value", "sign"),
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
    vital: Indicator, value: float | None, sign: Reading
) -> None:
    assert reading_of(vital, value, THRESHOLDS[vital].level(value)) is sign


def test_what_the_watch_calls_normal_is_never_bad() -> None:
    # One failure in a quiet night is a high share, and no reason to wake anybody.
    assert reading_of(Indicator.ERROR_RATIO, 0.5, Level.NORMAL) is not Reading.BAD


def test_a_part_that_has_not_begun_owes_nothing() -> None:
    assert Heartbeat().overdue_s(1e9) == 0.0


@pytest.mark.parametrize(("now_s", "late_s"), [(100.0, 0.0), (145.0, 0.0), (145.5, 0.5)])
def test_a_part_is_overdue_from_the_end_of_what_it_asked_for(now_s: float, late_s: float) -> None:
    pulse = Heartbeat()

    pulse.expect(45.0, 100.0)

    assert pulse.overdue_s(now_s) == late_s


def test_moving_again_is_being_in_time_again() -> None:
    pulse = Heartbeat()
    pulse.expect(45.0, 100.0)

    pulse.expect(45.0, 500.0)

    assert pulse.overdue_s(510.0) == 0.0


def test_late_is_not_stuck() -> None:
    assert most_overdue({"the poll loop": GRACE_S, "the pool": 0.0}) == ""
    assert most_overdue({}) == ""


def test_the_part_that_is_stuck_the_longest_is_named() -> None:
    where = most_overdue({"the poll loop": 61.0, "the pool": 90.4, "the claim loop": 0.0})

    assert where == "the pool should have moved 90 s ago"
