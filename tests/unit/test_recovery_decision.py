"""What is done about an order whose answer was lost: never a second one on a guess."""

from itertools import product

import pytest

from imgbot.domain.retry import SUBMIT_ATTEMPTS
from imgbot.jobs.recovery import Action, Answer, Decision, Unknown, decide
from imgbot.providers.protocol import Recovery

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
