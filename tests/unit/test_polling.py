"""The guide's schedule of polls."""

from imgbot.domain import poll_schedule as polling
from imgbot.domain.poll_schedule import PollingConfig


def test_the_guides_names_and_defaults() -> None:
    config = PollingConfig()

    assert (polling.POLL_INTERVAL_INITIAL, polling.POLL_INTERVAL_MAX) == (2.0, 10.0)
    assert polling.IMAGE_POLL_MAX_ATTEMPTS == 60
    assert (config.initial_interval, config.max_interval, config.max_attempts) == (2.0, 10.0, 60)
    assert config.get_interval() == 2.0


def test_polls_fall_where_the_guide_has_them() -> None:
    config = PollingConfig()

    times = [sum(config.get_interval(n) for n in range(k + 1)) for k in range(7)]

    assert times == [2.0, 5.0, 9.5, 16.25, 26.25, 36.25, 46.25]


def test_every_interval_is_bounded() -> None:
    config = PollingConfig(initial_interval=0.5, max_interval=4.0)

    assert all(0.5 <= config.get_interval(attempt) <= 60.0 for attempt in (0, 1, 59, 120, 10**9))


def test_a_job_past_the_schedule_is_asked_for_slowly_and_then_given_up() -> None:
    config = PollingConfig(max_attempts=3)

    assert [config.is_slow(n) for n in (2, 3)] == [False, True]
    assert config.get_interval(3) == 60.0
    assert [config.is_exhausted(n) for n in (62, 63)] == [False, True]
