"""Decisions after a failure and after a lost answer: money decides."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest

from imgbot.domain import retry
from imgbot.domain.buttons import mark_of
from imgbot.domain.errors import ProviderError, ProviderErrorKind
from imgbot.domain.job import State
from imgbot.domain.operations import Operation
from imgbot.domain.result_buttons import under_result
from imgbot.domain.retry import SUBMIT_ATTEMPTS, GiveUp, TryAgain
from imgbot.domain.texts import has_text
from imgbot.jobs.recovery import Action, Answer, Decision, Unknown, decide
from imgbot.providers.protocol import Recovery
from tests.fixtures.jobs import job_of

KINDS = list(ProviderErrorKind)
AFTERWARDS = {ProviderErrorKind.LOST, ProviderErrorKind.EXPIRED, ProviderErrorKind.TOO_HEAVY}
REPEATED = {ProviderErrorKind.RATE_LIMITED, ProviderErrorKind.UNAVAILABLE}
ENDED = {
    *(ProviderErrorKind.AUTH, ProviderErrorKind.NO_CREDIT, ProviderErrorKind.NOT_FOUND),
    ProviderErrorKind.FAILED,
}


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
def test_a_user_may_repeat_what_no_longer_runs_and_may_succeed(
    kind: ProviderErrorKind, decide: Callable[[ProviderError, int], GiveUp]
) -> None:
    end = decide(ProviderError(kind), 10_000)
    told = {"state": State.DELIVERING, "outcome": end.outcome, "reason": end.reason}
    job = job_of("1", 1, 1, Operation.CREATE, "en", **told)

    may_succeed = {*REPEATED, *ENDED}
    is_over = end.outcome is not State.DEAD
    assert retry.is_repeatable(job, end.outcome) is (is_over and kind in may_succeed)
    repeated = replace(job, id="1234567890")
    while retry.is_repeatable(repeated, end.outcome):
        repeated = replace(repeated, id=f"{repeated.id}-r")
    # Telegram's user ids have 52 bits at most.
    assert all(len(button.data) <= 64 for row in under_result("en", repeated) for button in row)
    assert len(f"model:{Operation.REMOVE_BACKGROUND}.{mark_of('')}.{1 << 52}.{repeated.id}") <= 64


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


@pytest.mark.parametrize("kind", [ProviderErrorKind.AUTH, ProviderErrorKind.NO_CREDIT])
@pytest.mark.parametrize("decide", [retry.after_poll, retry.after_fetch])
def test_a_closed_account_says_nothing_of_a_picture_that_is_paid_for(
    kind: ProviderErrorKind, decide: Callable[[ProviderError, int], object]
) -> None:
    error = ProviderError(kind, is_billed=False)

    assert isinstance(decide(error, 0), TryAgain)
    assert decide(error, 10_000) == GiveUp(State.DEAD, "provider_lost")


SILENT = ProviderError(ProviderErrorKind.UNAVAILABLE)
LIMITED = ProviderError(ProviderErrorKind.RATE_LIMITED, retry_after_s=77)
UNKNOWN = ProviderError(ProviderErrorKind.SUBMIT_UNKNOWN)


def test_what_may_have_been_paid_for_is_kept_and_what_may_come_is_waited_for() -> None:
    expired, lost = (ProviderError(ProviderErrorKind(kind)) for kind in ("expired", "lost"))
    again = [isinstance(retry.after_fetch(expired, attempt), TryAgain) for attempt in range(3)]
    waits = [retry.backoff_s(attempt, first_s=1, cap_s=10) for attempt in (0, 1, 2, 3, 4, 5000)]

    assert retry.after_submit(UNKNOWN, 0) == GiveUp(State.DEAD, "submit_unknown")
    assert retry.after_poll(SILENT, 10_000) == GiveUp(State.DEAD, "provider_lost")
    assert retry.after_submit(LIMITED, 0) == TryAgain(77)
    assert again == [True, True, False]
    assert waits == [1, 2, 4, 8, 10, 10]
    # A task that is not known yet is asked for again.
    assert isinstance(retry.after_poll(lost, 0, age_s=29.0), TryAgain)
    assert isinstance(retry.after_poll(lost, 0, age_s=31.0), GiveUp)


REPEAT, LOOK_UP, NONE = Recovery.REPEAT, Recovery.LOOK_UP, Recovery.NONE
ABSENT, NEVER = Answer.ABSENT, Answer.NEVER
ASIDE = Decision(Action.SET_ASIDE)
ALL = SUBMIT_ATTEMPTS


@pytest.mark.parametrize(
    ("order", "decision"),
    [
        (Unknown(REPEAT, 0, 0), Decision(Action.REPEAT)),
        (Unknown(REPEAT, 2, 0), Decision(Action.REPEAT, 4)),
        (Unknown(REPEAT, ALL, 0), ASIDE),
        (Unknown(LOOK_UP, 0, 0), Decision(Action.ASK, 1)),
        (Unknown(LOOK_UP, 0, 9, questions=2, answer=ABSENT), Decision(Action.ASK, 10)),
        (Unknown(LOOK_UP, 0, 20, questions=3, answer=ABSENT), Decision(Action.ORDER_AGAIN)),
        (Unknown(LOOK_UP, ALL, 20, questions=3, answer=ABSENT), ASIDE),
        (Unknown(LOOK_UP, 0, 20, questions=3), Decision(Action.ASK, 8)),
        (Unknown(LOOK_UP, 0, 590, questions=20), Decision(Action.ASK, 10)),
        (Unknown(LOOK_UP, 0, 600, questions=20), ASIDE),
        (Unknown(LOOK_UP, 0, 9999), Decision(Action.ASK, 1)),
        (Unknown(LOOK_UP, 0, 1, questions=1, answer=NEVER), ASIDE),
        # What a leader that was stopped may still order is not ordered meanwhile, nor given up.
        (Unknown(REPEAT, 0, 0, locked_s=9), Decision(Action.REPEAT)),
        (Unknown(LOOK_UP, 0, 20, questions=3, answer=ABSENT, locked_s=99), Decision(Action.ASK, 8)),
        (Unknown(LOOK_UP, 0, 20, questions=3, answer=ABSENT, locked_s=5), Decision(Action.ASK, 5)),
        (Unknown(NONE, 0, 0, locked_s=0.5), Decision(Action.ASK, 0.5)),
        (Unknown(NONE, 0, 0), ASIDE),
        (Unknown(NONE, 0, 0, is_searchable=True), Decision(Action.ASK, 10)),
        (Unknown(NONE, 0, 8, is_hooked=True), Decision(Action.ASK, 2)),
        (Unknown(NONE, 0, 3, is_searchable=True, questions=2), Decision(Action.ASK, 4)),
        (Unknown(NONE, 0, 300, is_searchable=True, questions=9), ASIDE),
        (Unknown(NONE, 0, 9999, is_searchable=True), Decision(Action.ASK)),
        (Unknown(NONE, 0, 300, is_hooked=True, questions=9), Decision(Action.ASK, 60)),
        (Unknown(NONE, 0, 600, is_hooked=True, is_searchable=True, questions=9), ASIDE),
    ],
)
def test_each_case_has_its_step(order: Unknown, decision: Decision) -> None:
    assert decide(order) == decision


def test_without_a_look_up_nothing_is_ordered_again() -> None:
    orders = [
        Unknown(NONE, 0, 100, is_hooked, not is_hooked, questions, answer)
        for is_hooked, answer, questions in product([True, False], Answer, range(30))
    ]

    assert {decide(order).action for order in orders} <= {Action.ASK, Action.SET_ASIDE}
