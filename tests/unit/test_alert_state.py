"""Alert states and heartbeats: each change is reported once, and never for a moment."""

import pytest

from imgbot.telemetry.liveness import GRACE_S, Heartbeat, most_overdue
from imgbot.telemetry.thresholds import (
    FIRING,
    INACTIVE,
    AlertState,
    ConditionStatus as Status,
    HoldTime,
    next_state,
)

HOLD = HoldTime(60, 120)
STATUSES = {"x": Status.MET, ".": Status.CLEAR, "?": Status.UNCLEAR}


def reported(
    statuses: str, hold: HoldTime = HOLD, state: AlertState = INACTIVE, step_s: float = 30
) -> str:
    """What is reported of one status per step: ! fired, o resolved, - nothing."""
    story = ""
    for index, status in enumerate(statuses):
        now_ms = 1_800_000_000_000 + round(index * step_s * 1000)
        before, state = state, next_state(state, STATUSES[status], hold, now_ms)
        story += "-" if state.is_firing == before.is_firing else "!" if state.is_firing else "o"
    return story


@pytest.mark.parametrize(
    ("statuses", "story"),
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
def test_an_alert_is_reported_once_when_it_fires_and_once_when_it_resolves(
    statuses: str, story: str
) -> None:
    assert reported(statuses) == story


def test_a_hold_a_restart_and_a_clock_that_goes_back() -> None:
    assert reported("x.x.?.", HoldTime()) == "!o!o--"
    # What fired before a restart is not reported again, and its end is.
    assert reported("xxxx.....", state=FIRING) == "--------o"
    assert reported("xxxx", step_s=-600) == "----"
    assert reported("....", state=FIRING, step_s=-600) == "----"


def test_a_clock_set_back_a_day_delays_an_alert_by_no_more_than_its_hold() -> None:
    day_ms, now_ms = 86_400_000, 1_800_000_000_000
    pending = next_state(INACTIVE, Status.MET, HOLD, now_ms)
    anew = next_state(pending, Status.MET, HOLD, now_ms - day_ms)
    state = next_state(anew, Status.MET, HOLD, now_ms - day_ms + 60_000)

    assert (anew.is_firing, state) == (False, FIRING)


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
