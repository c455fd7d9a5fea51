"""Random inputs from outside: each is used or refused, by the error that its caller expects."""

import pytest

from imgbot.domain.update import is_group_chatter
from tests.bench.fuzz import TARGETS, findings


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_mutated_inputs_are_used_or_refused(target: str) -> None:
    assert list(findings(target, 200)) == []


def test_an_entity_of_an_odd_type_is_no_mention_and_an_ephemeral_message_no_chatter() -> None:
    message = {"chat": {"id": -1}, "entities": [{"type": ["mention"]}]}

    assert is_group_chatter({"message": message})
    assert not is_group_chatter({"message": message | {"ephemeral_message_id": 1}})
