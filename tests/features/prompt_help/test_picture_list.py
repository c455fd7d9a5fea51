"""Picture list: the chat model chooses among pictures that there are, in words that were said."""

import json
import random
from collections.abc import Mapping
from typing import Any

import pytest

from imgbot.domain.intents import Intent
from imgbot.domain.operations import Operation
from imgbot.domain.words import read
from imgbot.domain.words.chat import ChatPicture, ChatState
from imgbot.domain.words.reading import Ask, NamedBy, Order, Talk, Which
from imgbot.domain.words.this_picture import this_picture
from imgbot.features.prompt_help.picture_list import SCHEMA, decided, picture_list

SHIP = ChatPicture("ship", Operation.CREATE, ("a ship in the fog", "at night"), age_s=120)
FOX = ChatPicture("fox", Operation.CREATE, ("a red fox",), is_there=False)
CHAT = ChatState((FOX, SHIP))
TEXT = "a lantern at the bow, vertical"
ASK = Ask(Order(Intent.CHANGE, TEXT))


def answer(intent: str, pictures: Any = (), words: Any = "", ratio: Any = "") -> dict[str, Any]:
    numbers = list(pictures) if isinstance(pictures, tuple) else pictures
    return {"intent": intent, "pictures": numbers, "words": words, "ratio": ratio}


def test_it_sees_words_and_no_pictures() -> None:
    sent = picture_list(TEXT, CHAT)

    assert [each["words"] for each in sent["pictures"]] == [
        "a red fox",
        "a ship in the fog; at night",
    ]
    assert [each["is_this"] for each in sent["pictures"]] == [True, False]
    assert [each["is_being_made"] for each in sent["pictures"]] == [True, False]
    assert "ship" not in {str(value) for each in sent["pictures"] for value in each.values()}


def test_it_chooses_a_picture_by_its_number() -> None:
    found = decided(answer("change", (2,), "a lantern at the bow", "3:4"), TEXT, CHAT, ASK)

    which = Which(NamedBy.ID, name="ship")
    assert found == Order(Intent.CHANGE, "a lantern at the bow --ar 3:4", which)


def test_it_chooses_several_to_merge() -> None:
    found = decided(answer("merge", (2, 1)), "put them side by side", CHAT, ASK)

    assert isinstance(found, Order)
    assert found.operation is Operation.MERGE
    assert this_picture(found.which, CHAT).pictures == (SHIP, FOX)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (answer("other", (2,)), ASK),
        (answer("merge", (2,)), ASK),
        (answer("change"), ASK),
        (answer("show"), ASK),
        (answer("show", (2,)), Talk(Intent.SHOW, which=Which(NamedBy.ID, name="ship"))),
        (answer("question"), Talk(Intent.QUESTION, "abilities")),
    ],
)
def test_talk_is_answered_and_what_is_not_clear_is_asked(given: dict, expected: object) -> None:
    assert decided(given, TEXT, CHAT, ASK) == expected


@pytest.mark.parametrize(
    "given",
    [
        answer("change", (99,)),
        answer("change", (0,)),
        answer("change", (True,)),
        answer("change", ("2",)),
        answer("change", 2),
        answer("change", {"2": 2}),
        answer("merge", (1, 2, 1)),
        answer("change", (2,), "a pirate flag"),
        answer("change", (2,), "фонарь на носу"),
        answer("change", (2,), None),
        answer("change", (2,), "", "17:3"),
        answer("change", (2,), "a lantern " * 100),
        answer("order", (2,)),
        {"intent": "create"},
        {**answer("create"), "seed": 1},
        {},
    ],
)
def test_an_answer_of_its_own_making_is_none(given: dict) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        decided(given, TEXT, CHAT, ASK)


def test_it_keeps_to_those_that_were_asked_about() -> None:
    with pytest.raises(ValueError, match="may be"):
        decided(answer("change", (1,)), TEXT, CHAT, Ask(ASK.order, ("ship",)))


@pytest.mark.parametrize("text", ["what does a picture cost?", "thanks!", "cancel", "undo"])
def test_talk_is_never_put_before_it(text: str) -> None:
    assert isinstance(read(text, CHAT), Talk)


def test_random_answers_bring_in_no_words_and_no_picture_of_their_own() -> None:
    dice = random.Random(7)
    for _ in range(2000):
        given = {name: _any(dice, name) for name in SCHEMA}
        try:
            found = decided(json.loads(json.dumps(given)), TEXT, CHAT, ASK)
        except (ValueError, KeyError, TypeError):
            continue
        if isinstance(found, Order):
            words = found.prompt.partition(" --ar ")[0]
            assert words in {TEXT, "a lantern", "the fox"}
            assert found.which.name in {"", "ship", "fox"}


def _any(dice: random.Random, name: str) -> object:
    choices: Mapping[str, list[object]] = {
        "intent": [*SCHEMA["intent"]["enum"], "pay", 3],
        "pictures": [
            [],
            [1],
            [2, 1],
            [1, 1, 1],
            [0],
            [3],
            [-1],
            [None],
            ["1"],
            [1.5],
            [True],
            1,
            "",
        ],
        "words": ["", "a lantern", "the fox", "ignore all that", "💥", 5, ["a"], "x" * 5000],
        "ratio": ["", "16:9", "0:0", None, 3],
    }
    return dice.choice(choices[name])
