"""Forgetting: every key has its rule, and every field of a job its place."""

from itertools import chain

from imgbot.domain.job import FIELDS
from imgbot.storage import forgetting, keys

KEPT_FOR_A_CHARGE = {
    *("id", "operation", "language", "state", "version", "created_ms", "is_cancelled"),
    *("price_micro", "reserved_micro", "spend_day", "is_unbilled"),
    *("claimed_ms", "intent_ms", "accepted_ms", "pending_ms", "tries", "lost_orders"),
    *("provider", "order_id", "ticket", "side_px", "scale", "ratio", "is_file", "note"),
    *("outcome", "reason"),
}
"""Nothing in them tells of the user: what was ordered where, when, and for how much."""

BY_METHOD = (
    *(keys.PEOPLE, keys.JOB, keys.DEAD, keys.DEAD_JOB, keys.USERNAMES, keys.SPEND, keys.POISON),
    *(keys.DEFERRED, keys.DEFERRED_OF, keys.ALBUM, keys.ALBUMS, keys.ALBUM_BEGUN, keys.FORGOTTEN),
)
"""Keys with a method of `Forgetting`."""

STAYING = {
    "nothing of a user": (
        *(keys.VIRTUAL_TIME, keys.SEQUENCE, keys.EPOCH, keys.LAST_CLAIM, keys.TOMBSTONE),
        *(keys.STATS, keys.UPDATE, keys.SYNCS, keys.CHAT_CALLS, keys.INCIDENTS, keys.DURATIONS),
        *(keys.ENDED, keys.OWNER, keys.INSTALLATION),
    ),
    "goes when the job has ended, which is cancelled first": (
        *(keys.QUEUE, keys.DUE, keys.TAGS, keys.SINCE, keys.WAITING, keys.ACTIVE),
        *(keys.USER_JOBS, keys.ANNOUNCE, keys.WAKE),
    ),
    "expires with its window: forgetting must not reset a limit": (keys.RATE_LIMIT, keys.COMMANDS),
    "by and for administrators, who are named in the settings": (
        *(keys.PAUSED, keys.ALARM, keys.BROADCAST, keys.BROADCAST_OF),
    ),
    "a ban must outlast forgetting": (keys.BANNED, keys.BAN),
}
"""Why a key stays → those keys."""


def test_every_key_has_a_rule() -> None:
    named = {value for name, value in vars(keys).items() if name.isupper()} - {
        value for value in vars(keys).values() if isinstance(value, int)
    }
    removed = {*forgetting.NAMED_BY_USER, *forgetting.NAMED_BY_JOB, *forgetting.POINTING_TO_JOB}
    others = {*forgetting.WITH_MEMBER, *BY_METHOD}
    kept = list(chain(*STAYING.values()))

    assert removed | others | {*kept} == named
    assert len(removed) + len(others) + len(kept) == len(named)


def test_every_field_of_a_dead_job_is_overwritten_or_needed_for_its_charge() -> None:
    assert {*forgetting.BLANK_DEAD, *KEPT_FOR_A_CHARGE} == set(FIELDS)
    assert not forgetting.BLANK_DEAD.keys() & KEPT_FOR_A_CHARGE
