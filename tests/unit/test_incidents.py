"""When it begins and when it is over: told once each, never for a moment, never in between."""

import pytest

from imgbot.incidents import CALM, TOLD, VITAL_HOLDS, Change, Course, Hold, Sign, decide, sign_of
from imgbot.levels import BOUNDS, Level, Vital

HOLD = Hold(60, 120)
SIGNS = {"x": Sign.BAD, ".": Sign.GOOD, "?": Sign.OPEN}


def told(signs: str, hold: Hold = HOLD, course: Course = CALM, step_s: float = 30) -> str:
    """What is told of one sign per step: ! begun, o over, - nothing."""
    story = ""
    for index, sign in enumerate(signs):
        now_ms = 1_800_000_000_000 + round(index * step_s * 1000)
        course, change = decide(course, SIGNS[sign], hold, now_ms)
        story += {None: "-", Change.BEGUN: "!", Change.OVER: "o"}[change]
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


def test_without_a_hold_it_is_told_at_once() -> None:
    assert told("x.x.?.", Hold()) == "!o!o--"


def test_what_was_told_before_a_restart_is_not_told_again_and_its_end_is() -> None:
    assert told("xxxx.....", course=TOLD) == "--------o"


def test_a_clock_that_goes_back_neither_begins_nor_ends_anything() -> None:
    assert told("xxxx", step_s=-600) == "----"
    assert told("....", course=TOLD, step_s=-600) == "----"


def test_a_clock_that_was_set_back_a_day_delays_it_by_no_more_than_its_hold() -> None:
    day_ms, now_ms = 86_400_000, 1_800_000_000_000
    rising, _ = decide(CALM, Sign.BAD, HOLD, now_ms)
    anew, nothing = decide(rising, Sign.BAD, HOLD, now_ms - day_ms)
    course, change = decide(anew, Sign.BAD, HOLD, now_ms - day_ms + 60_000)

    assert (nothing, course, change) == (None, TOLD, Change.BEGUN)


@pytest.mark.parametrize(
    ("vital", "value", "sign"),
    [
        (Vital.QUEUE_JOBS, 101.0, Sign.BAD),
        (Vital.QUEUE_JOBS, 100.0, Sign.OPEN),
        (Vital.QUEUE_JOBS, 49.0, Sign.GOOD),
        (Vital.JOB_TIME_S, 61.0, Sign.BAD),
        (Vital.JOB_TIME_S, 45.0, Sign.OPEN),
        (Vital.CPU_RATIO, 0.70, Sign.BAD),
        (Vital.CPU_RATIO, 0.65, Sign.OPEN),
        (Vital.CPU_RATIO, 0.5, Sign.GOOD),
        (Vital.MEMORY_RATIO, 0.95, Sign.BAD),
        (Vital.ERROR_RATIO, 0.0, Sign.GOOD),
        (Vital.ERROR_RATIO, None, Sign.OPEN),
    ],
)
def test_a_figure_is_judged_by_the_guides_bounds(
    vital: Vital, value: float | None, sign: Sign
) -> None:
    assert sign_of(vital, value, BOUNDS[vital].level(value)) is sign


def test_what_the_watch_calls_normal_is_never_bad() -> None:
    # One failure in a quiet night is a high share, and no reason to wake anybody.
    assert sign_of(Vital.ERROR_RATIO, 0.5, Level.NORMAL) is not Sign.BAD
    assert set(VITAL_HOLDS) == set(Vital)
