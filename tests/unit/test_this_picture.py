"""This picture, as the rule has it: by what is known of a chat."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from imgbot.bot.this_picture import (
    Meant,
    TargetPicture,
    chat_pictures,
    made_by,
    target_of,
    undone_in,
)
from imgbot.domain.job import InputPhoto, Job, State, with_changes
from imgbot.domain.operations import Operation
from imgbot.domain.words.chat import ChatPicture, ChatState
from imgbot.storage.results import Recent, load_recent, ordered, shown
from tests.fixtures.jobs import job_of

ANN, BOB = 1, 2
PHOTO, OTHER = InputPhoto("f1", "u1"), InputPhoto("f2", "u2")
MADE = job_of("7", ANN, ANN, Operation.EDIT, "en", prompt="darker", parent="6")


def result(job_id: str = "7", operation: Operation = Operation.CREATE) -> Job:
    made = job_of(job_id, ANN, ANN, operation, "en", prompt="a fox")
    return with_changes(replace(made, state=State.DELIVERED), shown=(PHOTO,), message_id=9)


DELIVERING = with_changes(MADE, outcome=State.DELIVERED)
FAILED = with_changes(MADE, outcome=State.FAILED)
SHOWN = result()


@pytest.mark.parametrize(
    ("job", "shown", "chat_id", "user_id", "made"),
    [
        # Shown, it is there for all, but in its own chat alone.
        (None, SHOWN, ANN, ANN, SHOWN),
        (None, SHOWN, ANN, BOB, SHOWN),
        (None, SHOWN, BOB, ANN, None),
        # While it is being made, and its end is not sure, only its user means it.
        (MADE, None, ANN, ANN, MADE),
        (MADE, None, ANN, BOB, None),
        (DELIVERING, None, ANN, ANN, DELIVERING),
        # One that failed or was cancelled, or is gone, is none.
        (FAILED, None, ANN, ANN, None),
        (with_changes(MADE, is_cancelled=True), None, ANN, ANN, None),
        (None, with_changes(SHOWN, shown=()), ANN, ANN, None),
        (None, None, ANN, ANN, None),
    ],
)
def test_a_job_whose_picture_is_meant(
    job: Job | None, shown: Job | None, chat_id: int, user_id: int, made: Job | None
) -> None:
    assert made_by(job, shown, chat_id, user_id) == made


@pytest.mark.parametrize(
    ("meant", "target"),
    [
        (SHOWN, TargetPicture(PHOTO, 9)),
        (MADE, TargetPicture(InputPhoto("", "7"))),
        ((PHOTO,), TargetPicture(PHOTO)),
        ((), TargetPicture()),
    ],
)
def test_what_an_order_is_about(meant: Meant, target: TargetPicture) -> None:
    assert target_of(meant) == target


# The newest first: 1 was drawn of a photo, 2 and 3 changed it one after the other.
CHANGES = [
    Recent(ANN, 0, "3", "2"),
    Recent(ANN, 0, "2", "1"),
    Recent(ANN, 0, "1", "", (PHOTO,)),
] * 2
BACK_AT_2 = [Recent(ANN, 0, "2", "1"), *CHANGES]


@pytest.mark.parametrize(
    ("recents", "ids"),
    [
        (CHANGES, []),
        (BACK_AT_2, ["3"]),
        ([Recent(ANN, 0, "1", "", (PHOTO,)), *BACK_AT_2], ["2", "3"]),
        ([Recent(ANN, 0, photos=(PHOTO,)), *CHANGES], ["3", "2", "1"]),
        ([Recent(ANN, 0, "3", "2"), *BACK_AT_2], []),
        ([Recent(ANN, 0, "2", "1"), *[Recent(BOB, 0, "3", "2")] * 2, *CHANGES[1:3]], []),
        ([], []),
    ],
)
def test_what_was_undone_came_of_the_picture_that_is_shown(
    recents: Sequence[Recent], ids: list[str]
) -> None:
    chat = ChatState(chat_pictures(recents, ANN, 0))

    assert undone_in(chat) == tuple(ids)


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
        # A picture that comes after a change of it was ordered leaves that the newest.
        (
            [drawn("1", "a fox"), NIGHT, drawn("1", "a fox")],
            [ChatPicture("2", Operation.EDIT, ("a fox", "at night"), "1", is_there=False), FOX],
        ),
        # What a job has changed is there, too, though it was sent elsewhere.
        (
            [changed("2", "darker", "", (PHOTO,))] * 2,
            [ChatPicture("2", Operation.EDIT, ("darker",), "u1"), ChatPicture("u1")],
        ),
        # Variants, and photos of an album, have their numbers.
        (
            [drawn("7", "a fox"), drawn("7-2", "a fox")],
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
    assert chat_pictures(recents, ANN, 0) == tuple(pictures)


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
