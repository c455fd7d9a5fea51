"""This picture, as the rule has it: by what is known of a chat."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from imgbot.bot.this_picture import (
    Meant,
    TargetPicture,
    by_number,
    meant_by,
    numbered,
    pictures_of,
    target_of,
    this_picture,
    undone,
)
from imgbot.domain.errors import UserError
from imgbot.domain.job import InputPhoto, Job, State, variant_ids, with_changes
from imgbot.domain.operations import Operation
from imgbot.domain.ordinals import LAST
from imgbot.domain.words.chat import ChatPicture
from imgbot.storage.results import Recent, load_recent, ordered, shown
from tests.fixtures.jobs import job_of

ANN, BOB = 1, 2
PHOTO, OTHER = InputPhoto("f1", "u1"), InputPhoto("f2", "u2")
MADE = job_of("7", ANN, ANN, Operation.EDIT, "en", prompt="darker", parent="6")


def result(job_id: str = "7", operation: Operation = Operation.CREATE) -> Job:
    made = job_of(job_id, ANN, ANN, operation, "en", prompt="a fox")
    return with_changes(replace(made, state=State.DELIVERED), shown=(PHOTO,), message_id=9)


RECENT = Recent(ANN, 0, "7", "6", (PHOTO,))
DELIVERING = with_changes(MADE, outcome=State.DELIVERED)
FAILED = with_changes(MADE, outcome=State.FAILED)
SHOWN, EARLIER = result(), result("6")


@pytest.mark.parametrize(
    ("recent", "job", "shown", "user_id", "meant"),
    [
        # A photo that was sent, and several.
        (Recent(ANN, 0, photos=(PHOTO,)), None, None, ANN, (PHOTO,)),
        (Recent(ANN, 0, photos=(PHOTO,)), None, None, BOB, ()),
        (Recent(ANN, 0, photos=(PHOTO, OTHER)), None, None, ANN, (PHOTO, OTHER)),
        # A picture that was shown; in a group it is there for all.
        (RECENT, None, SHOWN, ANN, SHOWN),
        (RECENT, None, SHOWN, BOB, SHOWN),
        # One that is being made: while its end is not sure, only its user means it.
        (RECENT, MADE, EARLIER, ANN, MADE),
        (RECENT, MADE, EARLIER, BOB, ()),
        (RECENT, DELIVERING, None, ANN, DELIVERING),
        # One that failed or was cancelled leaves the picture that it was to change.
        (RECENT, FAILED, EARLIER, ANN, EARLIER),
        (RECENT, FAILED, EARLIER, BOB, ()),
        (RECENT, with_changes(MADE, is_cancelled=True), EARLIER, ANN, EARLIER),
        (RECENT, FAILED, None, ANN, (PHOTO,)),
        (RECENT, None, None, ANN, (PHOTO,)),
        (Recent(ANN, 0, "7"), FAILED, None, ANN, ()),
        # A picture that was replied to.
        (Recent(ANN, 0, "", "6", (PHOTO,)), None, EARLIER, ANN, EARLIER),
        (Recent(ANN, 0, "", "6", (PHOTO,)), None, EARLIER, BOB, ()),
    ],
)
def test_a_recent_entry_stands_for_a_picture_or_leaves_it_to_an_older_one(
    recent: Recent, job: Job | None, shown: Job | None, user_id: int, meant: Meant
) -> None:
    assert meant_by(recent, job, shown, user_id) == meant


REPLIED, ASKED, NEWEST = (TargetPicture(InputPhoto(name, name)) for name in "ran")


@pytest.mark.parametrize(
    ("known", "meant"),
    [
        ((REPLIED, ASKED, NEWEST), REPLIED),
        ((None, ASKED, NEWEST), ASKED),
        ((None, None, NEWEST), NEWEST),
        ((None, None, None), TargetPicture()),
    ],
)
def test_a_reply_comes_before_a_question_and_that_before_the_newest(
    known: tuple[TargetPicture | None, ...], meant: TargetPicture
) -> None:
    assert this_picture(*known) == meant


@pytest.mark.parametrize(
    ("meant", "target"),
    [
        (SHOWN, TargetPicture(PHOTO, 9, 5, "a fox", "a fox")),
        (result(operation=Operation.EDIT), TargetPicture(PHOTO, 9, 5, "a fox")),
        (MADE, TargetPicture(InputPhoto("", "7"), 0, 5)),
        ((PHOTO,), TargetPicture(PHOTO, age_s=5)),
        ((PHOTO, OTHER), TargetPicture(age_s=5)),
    ],
)
def test_what_a_text_may_be_about(meant: Meant, target: TargetPicture) -> None:
    assert target_of(meant, 5) == target


VARIANTS = by_number([result("7"), result("7-3-r")])


@pytest.mark.parametrize(("number", "job_id"), [(1, "7"), (3, "7-3-r"), (LAST, "7-3-r")])
def test_variants_have_the_numbers_of_their_jobs(number: int, job_id: str) -> None:
    assert variant_ids("7-3")[:5] == ["7", "7-2", "7-3", "7-4", "7-r"]
    assert numbered(VARIANTS, number) == result(job_id)


def test_a_number_that_no_variant_has_is_told_with_those_that_are_there() -> None:
    with pytest.raises(UserError) as raised:
        numbered(VARIANTS, 2)

    assert (raised.value.reason, raised.value.facts) == (
        "variant_missing",
        {"number": 2, "known": "1, 3"},
    )


# The newest first: 1 was drawn of a photo, 2 and 3 changed it one after the other.
CHANGES = [Recent(ANN, 0, "3", "2"), Recent(ANN, 0, "2", "1"), Recent(ANN, 0, "1", "", (PHOTO,))]
BACK_AT_2 = [Recent(ANN, 0, "2"), *CHANGES]


@pytest.mark.parametrize(
    ("recents", "shown", "ids"),
    [
        (CHANGES, result("3"), []),
        (BACK_AT_2, result("2"), ["3"]),
        ([Recent(ANN, 0, "1"), *BACK_AT_2], result("1"), ["2", "3", "2"]),
        ([Recent(ANN, 0, "1"), *CHANGES], result("1"), ["3", "2"]),
        ([Recent(ANN, 0, photos=(PHOTO,)), *CHANGES], (PHOTO,), ["3", "2", "1"]),
        ([Recent(ANN, 0, "3"), *BACK_AT_2], result("3"), []),
        ([Recent(BOB, 0, "3", "2"), Recent(ANN, 0, "2", "1")], result("2"), []),
        (CHANGES, (), []),
    ],
)
def test_what_was_undone_came_of_the_picture_that_is_shown(
    recents: Sequence[Recent], shown: Meant, ids: list[str]
) -> None:
    assert undone(recents, shown, ANN) == ids


def drawn(job_id: str, words: str, at_s: int = 0, user_id: int = ANN) -> Recent:
    return Recent(user_id, at_s * 1000, job_id, operation=Operation.CREATE, words=words)


def changed(job_id: str, words: str, parent: str, photos: tuple[InputPhoto, ...] = ()) -> Recent:
    return Recent(ANN, 0, job_id, parent, photos, Operation.EDIT, words)


NIGHT = changed("2", "at night", "1")
FOX = ChatPicture("1", Operation.CREATE, ("a fox",))


@pytest.mark.parametrize(
    ("recents", "pictures"),
    [
        # It has the words that led to it, from its drawing on; ordered and shown, it is there.
        (
            [NIGHT, replace(NIGHT, words=""), drawn("1", "a fox"), drawn("1", "a fox")],
            [ChatPicture("2", Operation.EDIT, ("a fox", "at night"), "1"), FOX],
        ),
        # Shown again, it is the newest, and as old as that.
        (
            [drawn("1", "a fox", -1), drawn("2", "an owl", -5), drawn("1", "a fox", -9)],
            [
                replace(FOX, age_s=1),
                ChatPicture("2", Operation.CREATE, ("an owl",), age_s=5, is_there=False),
            ],
        ),
        # What a job has changed is there, too, though it was sent elsewhere.
        (
            [changed("2", "darker", "", (PHOTO,))] * 2,
            [ChatPicture("2", Operation.EDIT, ("darker",), "u1"), ChatPicture("u1")],
        ),
        # Variants, and photos of an album, have their numbers.
        (
            [drawn("7-2", "a fox"), drawn("7", "a fox")],
            [
                ChatPicture(each, Operation.CREATE, ("a fox",), "", "7", n, is_there=False)
                for each, n in (("7-2", 2), ("7", 1))
            ],
        ),
        (
            [Recent(ANN, 0, photos=(PHOTO, OTHER))],
            [ChatPicture("u2", order="u1", number=2), ChatPicture("u1", order="u1", number=1)],
        ),
        # A picture that was replied to is the one of its job; of others' photos none is there.
        ([Recent(ANN, 0, parent="1", photos=(PHOTO,)), drawn("1", "a fox")], [FOX]),
        (
            [Recent(BOB, 0, photos=(PHOTO,)), *[drawn("1", "a fox", user_id=BOB)] * 2],
            [replace(FOX, is_own=False)],
        ),
    ],
)
def test_pictures_of_a_chat(recents: Sequence[Recent], pictures: Sequence[ChatPicture]) -> None:
    assert pictures_of(recents, ANN, 0) == tuple(pictures)


@pytest.mark.parametrize(
    ("photos", "operation"), [("[]", Operation.CREATE), ('[["f1", "u1"]]', Operation.EDIT)]
)
def test_an_entry_of_the_former_form_is_read(photos: str, operation: Operation) -> None:
    former = load_recent(f'[1, 0, "7", "", {photos}]')
    sent = load_recent('[1, 0, "", "", [["f1", "u1"]]]')

    assert (former.operation, former.words) == (operation, "")
    assert load_recent(former.dump()) == former
    assert sent == Recent(ANN, 0, photos=(PHOTO,))


def test_the_previous_release_reads_entries_of_jobs() -> None:
    """It reads five values, and looks for what an order changes."""
    [order], [_, picture] = ordered(MADE, 0).values(), shown(MADE, 0).values()
    stored = [json.loads(entry) for entry in (order, picture)]

    assert stored[0] == [ANN, 0, "7", "6", []]
    assert [len(each) for each in stored] == [5, 5]
    assert load_recent(picture) == Recent(ANN, 0, "7", "6", (), Operation.EDIT, "darker")
    assert load_recent(order) == Recent(ANN, 0, "7", "6", (), Operation.EDIT)
