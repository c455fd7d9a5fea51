"""What is done after a failure: money decides."""

from collections.abc import Callable

import pytest

from imgbot.domain import retry
from imgbot.domain.errors import ProviderError, ProviderErrorKind
from imgbot.domain.job import State
from imgbot.domain.retry import GiveUp, TryAgain
from imgbot.domain.texts import has_text

KINDS = list(ProviderErrorKind)
AFTERWARDS = {ProviderErrorKind.LOST, ProviderErrorKind.EXPIRED, ProviderErrorKind.TOO_HEAVY}
REPEATED = {ProviderErrorKind.RATE_LIMITED, ProviderErrorKind.UNAVAILABLE}


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_was_not_accepted_is_ordered_again(kind: ProviderErrorKind) -> None:
    decision = retry.after_submit(ProviderError(kind), 0)

    assert isinstance(decision, TryAgain) == (kind in REPEATED)
    # Of a refused order alone it is said that nothing was charged.
    end = retry.after_submit(ProviderError(kind), 10_000)
    unknown = {ProviderErrorKind.SUBMIT_UNKNOWN, ProviderErrorKind.FAILED, *AFTERWARDS}
    assert isinstance(end, GiveUp)
    assert end.is_billed is (None if kind in unknown else False)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("decide", [retry.after_submit, retry.after_poll, retry.after_fetch])
def test_every_failure_ends_at_last_and_in_a_sentence(
    kind: ProviderErrorKind, decide: Callable[[ProviderError, int], object]
) -> None:
    decision = decide(ProviderError(kind), 10_000)

    assert isinstance(decision, GiveUp)
    assert has_text(decision.reason)
    assert decision.outcome in {State.FAILED, State.DEAD}
    if decide is retry.after_fetch:
        assert decision.outcome is State.DEAD
        assert has_text(f"stuck_{decision.reason}")


def test_what_may_have_been_paid_for_is_kept_for_the_operator() -> None:
    unknown = retry.after_submit(ProviderError(ProviderErrorKind.SUBMIT_UNKNOWN), 0)
    silent = retry.after_poll(ProviderError(ProviderErrorKind.UNAVAILABLE), 10_000)

    assert unknown == GiveUp(State.DEAD, "submit_unknown")
    assert silent == GiveUp(State.DEAD, "provider_lost")


@pytest.mark.parametrize("kind", [ProviderErrorKind.AUTH, ProviderErrorKind.NO_CREDIT])
@pytest.mark.parametrize("decide", [retry.after_poll, retry.after_fetch])
def test_a_closed_account_says_nothing_of_a_picture_that_is_paid_for(
    kind: ProviderErrorKind, decide: Callable[[ProviderError, int], object]
) -> None:
    error = ProviderError(kind, is_billed=False)

    assert isinstance(decide(error, 0), TryAgain)
    assert decide(error, 10_000) == GiveUp(State.DEAD, "provider_lost")


def test_a_result_that_is_not_there_may_not_be_there_yet() -> None:
    error = ProviderError(ProviderErrorKind.EXPIRED)

    assert [type(retry.after_fetch(error, attempt)) for attempt in range(3)] == [
        TryAgain,
        TryAgain,
        GiveUp,
    ]


def test_the_providers_own_wait_is_obeyed_and_the_backoff_doubles_to_its_cap() -> None:
    error = ProviderError(ProviderErrorKind.RATE_LIMITED, retry_after_s=77)
    waits = [retry.backoff_s(attempt, first_s=1, cap_s=10) for attempt in (0, 1, 2, 3, 4, 5000)]

    assert retry.after_submit(error, 0) == TryAgain(77)
    assert waits == [1, 2, 4, 8, 10, 10]


def test_a_task_that_is_not_known_yet_is_asked_for_again() -> None:
    error = ProviderError(ProviderErrorKind.LOST)

    assert isinstance(retry.after_poll(error, 0, age_s=29.0), TryAgain)
    assert isinstance(retry.after_poll(error, 0, age_s=31.0), GiveUp)
