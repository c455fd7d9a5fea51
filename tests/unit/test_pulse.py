"""What counts as stuck: each part by its own word, whoever looks only compares."""

import pytest

from imgbot.telemetry.liveness import GRACE_S, Heartbeat, most_overdue


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
