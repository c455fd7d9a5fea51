"""A clock that is set while the bot runs: ages stay, and it is doubted for an hour."""

import pytest

from imgbot.clock import Clock

SECOND_NS, START_NS = 10**9, 10**18


@pytest.mark.parametrize("jump_s", [365 * 86_400, 3600, 0, -3600])
def test_a_jump_changes_no_age_and_is_doubted_for_an_hour(jump_s: int) -> None:
    run_s, jumped_s = 0, 0
    clock = Clock(lambda: START_NS + (run_s + jumped_s) * SECOND_NS, lambda: run_s * SECOND_NS)
    stored_ms = clock.now_ms() - 7_200_000
    run_s = 3600
    was_settled = clock.is_settled
    stored_late_ms = clock.now_ms()

    jumped_s = jump_s
    is_settled = clock.is_settled
    stored_after_ms = clock.now_ms()
    run_s = 3660
    late_age_ms = clock.age_ms(stored_late_ms)
    run_s = 7200

    assert (was_settled, is_settled, clock.is_settled) == (True, not jump_s, True)
    assert clock.now_ms() == START_NS // 10**6 + (7200 + jump_s) * 1000
    assert late_age_ms == 60_000
    assert clock.age_ms(stored_ms) == 4 * 3_600_000
    assert clock.age_ms(stored_after_ms) == 3_600_000
