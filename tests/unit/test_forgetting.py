"""Forgetting: every key has its owner, and every field of a job its place."""

import inspect

from imgbot.domain.job import FIELDS
from imgbot.storage import forgetting, keys
from imgbot.storage.keys import Owner

KEPT_FOR_A_CHARGE = {
    *("id", "operation", "language", "state", "version", "created_ms", "is_cancelled"),
    *("price_micro", "reserved_micro", "spend_day", "is_unbilled", "is_settled", "takes_seed"),
    *("claimed_ms", "submit_ms", "accepted_ms", "pending_ms", "tries", "lost_orders"),
    *("provider", "order_id", "order_model", "ticket", "side_px", "scale", "ratio", "is_file"),
    "note",
    *("outcome", "reason", "variants"),
}
"""Nothing in them tells of the user: what was ordered where, when, and for how much."""


def test_every_key_has_an_owner() -> None:
    named = {name: key for name, key in vars(keys).items() if name.isupper()}
    stored = {name: key for name, key in named.items() if isinstance(key, str)}
    code = inspect.getsource(forgetting)

    assert set(stored.values()) == keys.OWNERS.keys()
    by_method = [name for name, key in stored.items() if Owner.METHOD in keys.OWNERS[key]]
    assert [name for name in by_method if f"keys.{name}" not in code] == []


def test_every_field_of_a_dead_job_is_overwritten_or_needed_for_its_charge() -> None:
    assert {*forgetting.BLANK_DEAD, *KEPT_FOR_A_CHARGE} == set(FIELDS)
    assert not forgetting.BLANK_DEAD.keys() & KEPT_FOR_A_CHARGE
