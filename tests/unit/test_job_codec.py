"""Stored form of a job, and the declared keys and arguments of Lua scripts."""

from dataclasses import replace
from operator import attrgetter
from typing import Any, get_type_hints

import pytest
from hypothesis import given, strategies as st

from imgbot.domain.holds import AT_DEATH, AT_END, Hold
from imgbot.domain.job import (
    FIELDS,
    Changes,
    InputPhoto,
    Job,
    Operation,
    State,
    UnreadableJob,
    job_from,
    with_changes,
)
from imgbot.storage.job_codec import STORED, admitted_fields, from_hash, result_fields, to_fields
from imgbot.storage.scripts import Script, Value, script, sources
from tests.fixtures.jobs import job_of

PHOTO = InputPhoto("file", "unique", 1234, "кот.jpg", is_file=True)
JOB = job_of("1", 2, 3, Operation.MERGE, "ru", prompt="лиса", sources=(PHOTO,), ratio="16:9")
JOB = with_changes(JOB, is_file=True, price_micro=40_000, spend_day="2026-01-31")
IDENTITY = {"id": "1", "user_id": "2", "state": "delivering"}
# Contract of the state directory: never renamed, whatever the fields of Job are called.
NAMES = (
    "id user_id chat_id operation language words sources scale side_px ratio seed thread_id "
    "reply_to parent is_file note negative ignored base price_micro reserved_micro spend_day "
    "created_ms state version claimed_ms intent_ms accepted_ms provider order_id order_model "
    "order_fields pending_ms ticket message_id tries lost_orders file outcome reason facts "
    "is_cancelled is_unbilled variants lettering model sent inline_id is_settled lost "
    "holds picture caption original_id takes_seed features is_unsure"
)


def record_of(parts: list[str]) -> dict[str, str]:
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_stored_names_are_those_of_every_release() -> None:
    assert sorted(stored.name for stored in STORED.values()) == sorted(NAMES.split())


ENDED = with_changes(
    replace(JOB, id="7-2", state=State.DELIVERED, created_ms=1000),
    seed=9,
    variants=3,
    model="best",
    price_micro=40_000,
    holds=(Hold("stars", "img:stars:2", "balance", -5, AT_DEATH, "spent"),),
    submit_ms=1500,
    provider="own",
    order_model="best-v2",
    message_id=8,
    facts={"unknown": "a hat, a cat", "size": "8x6", "took_ms": 900},
    shown=(PHOTO,),
    caption="лиса",
    takes_seed=True,
)


def known_of(result: Job) -> tuple[object, ...]:
    """Return what the buttons and the receipt of a result are made of."""
    request, progress, wait_ms = result.request, result.progress, result.progress.submit_ms
    return (
        *(result.id, result.user_id, result.state, result.picture, result.variant, result.charge),
        *(replace(request, is_file=False), wait_ms - result.created_ms, progress.order_model),
        *(progress.message_id, progress.facts.get("size"), int(progress.facts.get("took_ms", 0))),
        *(progress.parts_of("unknown"), progress.caption, progress.takes_seed),
    )


def test_a_result_is_the_ended_job_without_what_its_steps_need() -> None:
    steps = {"ticket": {"id": "t"}, "order_fields": {"a": "b"}, "file": "a.png", "claimed_ms": 4}
    record = record_of(result_fields(with_changes(ENDED, **steps, spend_day="", is_file=True)))

    assert known_of(from_hash({"id": "7-2", **record})) == known_of(
        with_changes(ENDED, spend_day="")
    )
    assert record.keys().isdisjoint({*steps, "id", "version", "reserved_micro"})


def test_the_models_of_a_result_of_the_first_release_are_read() -> None:
    record = record_of(result_fields(ENDED))
    first = {**record, "message": "3.8", "chosen": record["model"], "model": record["order_model"]}

    assert known_of(from_hash({"id": "7-2", **first})) == known_of(
        from_hash({"id": "7-2", **record})
    )


def test_changes_are_checked_by_the_types_of_the_fields() -> None:
    own = {"id", "user_id", "created_ms", "state", "version"}
    kinds = {name: kind for name, (_, kind) in FIELDS.items() if name not in own}
    assert get_type_hints(Changes) == kinds


def test_an_admitted_job_is_stored_as_text_by_those_names() -> None:
    record = record_of(admitted_fields(JOB))
    empty = {name for name, value in record.items() if not value}

    assert empty == {
        *("parent", "note", "negative", "ignored", "base", "lost", "model", "sent", "inline_id")
    }
    assert {name: value for name, value in record.items() if value} == {
        "chat_id": "3",
        "operation": "merge",
        "language": "ru",
        "words": "лиса",
        "sources": '[["file", "unique", 1234, "кот.jpg", 1]]',
        "scale": "2",
        "ratio": "16:9",
        "seed": "0",
        "thread_id": "0",
        "reply_to": "0",
        "is_file": "1",
        "is_unsure": "0",
        "variants": "0",
        "price_micro": "40000",
        "reserved_micro": "40000",
        "spend_day": "2026-01-31",
        "holds": "[]",
    }


TEXTS, NUMBERS = st.text(st.characters(codec="utf-8")), st.integers()
PHOTOS = st.builds(InputPhoto, TEXTS, TEXTS, NUMBERS, TEXTS, st.booleans())
HOLDS = st.builds(Hold, TEXTS, TEXTS, TEXTS, NUMBERS, TEXTS, limit=st.none() | NUMBERS)
BY_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: NUMBERS,
    bool: st.booleans(),
    Operation: st.sampled_from(Operation),
    State: st.sampled_from(State),
    # Only an outcome that there is is stored.
    State | None: st.sampled_from(State),
    tuple[InputPhoto, ...]: st.lists(PHOTOS, max_size=3).map(tuple),
    tuple[Hold, ...]: st.lists(HOLDS, max_size=3).map(tuple),
}
MAPPINGS = st.dictionaries(TEXTS, TEXTS | NUMBERS | st.lists(TEXTS, max_size=2), max_size=3)
VALUES = st.fixed_dictionaries(
    {name: BY_TYPE.get(kind, MAPPINGS) for name, (_, kind) in FIELDS.items()}
)


def values_of(job: Job) -> dict[str, Any]:
    paths = {name: f"{group}.{name}".lstrip(".") for name, (group, _) in FIELDS.items()}
    return {name: attrgetter(path)(job) for name, path in paths.items()}


@given(VALUES)
def test_what_is_stored_is_read_back(values: dict[str, Any]) -> None:
    assert from_hash(record_of(to_fields(values))) == job_from(values)


def test_a_hold_of_a_later_release_is_read() -> None:
    record = record_of(admitted_fields(JOB)) | {"id": "1", "user_id": "2", "state": "queued"}
    holds = '[["budget", "key", "field", 5, "end", "", "", null, "", "", 0, "", 0, "later"]]'
    assert from_hash(record | {"holds": holds}).charge.holds == (
        Hold("budget", "key", "field", 5, AT_END),
    )


@given(VALUES, st.sampled_from(sorted(FIELDS)), TEXTS)
def test_any_text_in_one_field_costs_no_other(
    values: dict[str, Any], field: str, text: str
) -> None:
    found = from_hash(record_of(to_fields(values)) | {STORED[field].name: text})

    assert values_of(found) | {field: None} == values | {field: None}
    if isinstance(found, UnreadableJob):
        assert found.fault.startswith(f"{STORED[field].name}: ")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"language": None}, "no language"),
        ({"operation": "sing"}, "operation: 'sing' is not a valid Operation"),
        ({"sources": '[["file"]]'}, "sources: InputPhoto"),
        ({"ticket": "[" * 100_000}, "ticket: maximum recursion depth"),
        ({"scale": "large", "facts": "{"}, "scale: invalid literal"),
    ],
)
def test_a_record_that_is_malformed_is_read_as_far_as_it_can_be(
    change: dict[str, str | None], fault: str
) -> None:
    record = {"id": "1", "user_id": "2", "chat_id": "3", "operation": "edit", "language": "en"}
    changed = {**record, "state": "queued", "words": "a hat", **change}

    found = from_hash({name: text for name, text in changed.items() if text is not None})

    assert isinstance(found, UnreadableJob)
    assert fault in found.fault
    assert (found.user_id, found.request.chat_id, found.request.prompt) == (2, 3, "a hat")


def test_a_field_that_no_job_has_is_named() -> None:
    with pytest.raises(KeyError, match="prize"):
        to_fields({"prize": 1})


MOVE = Script(
    "-- KEYS: due job:id spend: own=img:own one=img:one:{id}\n"
    "-- ARGV: id fields...\n"
    "return {'ok'}\n"
)


def test_a_header_declares_keys_and_arguments() -> None:
    assert MOVE.arguments({"fields": ["b", "c"], "id": "1"}) == ["1", "b", "c"]
    assert "local id = unpack(ARGV, 1, 1)" in MOVE.text
    assert "local due = 'img:due'\nlocal job = 'rq:job:' .. id\n" in MOVE.text
    assert "local spend_prefix = 'img:spend:'" in MOVE.text
    assert "local own = 'img:own'\nlocal one = 'img:one:' .. id\n" in MOVE.text


@pytest.mark.parametrize("values", [{"id": "1"}, {"id": "1", "fields": [], "jobs": "j"}])
def test_a_missing_or_undeclared_argument_is_named(values: dict[str, Value]) -> None:
    with pytest.raises(TypeError, match=r"fields|jobs"):
        MOVE.arguments(values)


def test_a_fenced_script_checks_the_epoch_before_its_first_write() -> None:
    text = Script("-- FLAGS: fenced allow-oom\nreturn {'ok'}\n").text

    assert text.startswith("#!lua flags=allow-oom\n")
    assert text.index("'fenced'") < text.index("return {'ok'}")


def test_every_script_names_what_it_uses() -> None:
    texts = {name: file.read_text() for name, file in sources().items()}

    assert [name for name, text in texts.items() if "KEYS[" in text or "ARGV[" in text] == []
    assert all(script(name).text for name in texts)
