"""Forgetting: every key has its rule, and every field of a job its place."""

from imgbot.domain.job import FIELDS
from imgbot.storage import keys
from imgbot.storage.forgetting import BLANK_DEAD, RULES

KEPT_FOR_A_CHARGE = {
    *("id", "operation", "language", "state", "version", "created_ms", "is_cancelled"),
    *("price_micro", "reserved_micro", "spend_day", "is_unbilled"),
    *("claimed_ms", "intent_ms", "accepted_ms", "pending_ms", "tries", "lost_orders"),
    *("provider", "order_id", "ticket", "side_px", "scale", "ratio", "is_file", "note"),
    *("outcome", "reason"),
}
"""Nothing in them tells of the user: what was ordered where, when, and for how much."""


def test_every_key_has_a_rule() -> None:
    named = {value for name, value in vars(keys).items() if name.isupper()}

    assert set(RULES) == named


def test_every_rule_says_how_or_why() -> None:
    silent = [key for key, rule in RULES.items() if rule == type(rule)()]

    assert silent == []


def test_every_field_of_a_dead_job_is_overwritten_or_needed_for_its_charge() -> None:
    assert {*BLANK_DEAD, *KEPT_FOR_A_CHARGE} == set(FIELDS)
    assert not BLANK_DEAD.keys() & KEPT_FOR_A_CHARGE
