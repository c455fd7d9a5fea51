"""What is learned of a provider's durations, and when the provider is another one."""

import math

import pytest

from imgbot.domain.duration_model import CensoredDuration, LognormalMixture, fit, since_change_point
from tests.fixtures.durations import FIVE, by_schedule, either, seen


def test_censored_jobs_do_not_become_slower_than_they_were() -> None:
    draw = FIVE["20"]
    curve = fit(by_schedule(draw, 200))

    assert quantile(curve, 0.5) == pytest.approx(20, rel=0.08)
    assert quantile(curve, 0.9) == pytest.approx(20 * math.exp(0.25 * 1.2816), rel=0.12)


def test_two_kinds_of_jobs_are_told_apart() -> None:
    curve = fit(seen(either, 200))

    fast, slow = sorted(curve.components, key=lambda hump: hump.centre)
    assert math.exp(fast.centre) == pytest.approx(8, rel=0.1)
    assert math.exp(slow.centre) == pytest.approx(45, rel=0.1)
    assert fast.share == pytest.approx(0.7, abs=0.08)
    # One kind of job stays one.
    assert all(len(fit(seen(FIVE["20"], 200, seed=seed)).components) == 1 for seed in range(20))


def quantile(curve: LognormalMixture, share: float) -> float:
    seconds = 0.01
    while curve.cdf(math.log(seconds)) < share:
        seconds *= 1.005
    return seconds


@pytest.mark.parametrize("name", FIVE)
def test_a_provider_that_stays_the_same_is_hardly_ever_taken_for_another(name: str) -> None:
    whole = [len(since_change_point(seen(FIVE[name], 200, seed=seed))) == 200 for seed in range(60)]

    assert whole.count(False) <= 2


@pytest.mark.parametrize(
    ("before", "after", "jobs"),
    [
        ("20", "45", 5),
        ("45", "8", 4),
        ("8", "45", 80),
    ],
)
def test_a_provider_that_changes_is_noticed(before: str, after: str, jobs: int) -> None:
    history = [*seen(FIVE[before], 150), *seen(FIVE[after], jobs, seed=2)]

    assert jobs - 2 <= len(since_change_point(history)) <= jobs + 2


def test_jobs_found_done_by_the_first_poll_are_a_change() -> None:
    history = [*seen(FIVE["45"], 150), *[CensoredDuration(0, 28.0)] * 3]

    assert 3 <= len(since_change_point(history)) <= 5


def test_two_changes_leave_the_newest_part() -> None:
    history = [*seen(FIVE["20"], 80), *seen(FIVE["45"], 60), *seen(FIVE["8"], 30)]

    assert 28 <= len(since_change_point(history)) <= 32
