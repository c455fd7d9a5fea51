"""What a text asks for, scored over utterances in both languages."""

import tomllib
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from imgbot.bot.messages import clean
from imgbot.domain.intents import (
    ChatFacts,
    Classification,
    Intent,
    PendingQuestion,
    classify,
    scale_in,
    wording_key,
)
from imgbot.domain.operations import Operation
from imgbot.domain.spelling import slips_of

FIXTURES = Path(__file__).parent.parent / "fixtures"
UTTERANCES = FIXTURES / "utterances.toml"
UNSEEN = FIXTURES / "utterances_unseen.toml"
AFTER = {
    "nothing": ChatFacts(),
    "picture": ChatFacts(has_picture=True, picture_age_s=60),
    "reply": ChatFacts(has_picture=True, is_reply_to_picture=True),
    **{
        pending.value: ChatFacts(has_picture=True, picture_age_s=60, pending=pending)
        for pending in PendingQuestion
        if pending
    },
}
ORDERS = {Intent.CREATE, Intent.CHANGE, Intent.AGAIN, Intent.OPERATION}
UNSURE = "unsure"


class Miss(NamedTuple):
    text: str
    after: str
    expected: str
    found: Classification


class Score(NamedTuple):
    counted: Counter[str]
    misses: list[Miss]
    wrongly_ordered: list[Miss]


def score(path: Path) -> Score:
    counted: Counter[str] = Counter()
    misses, wrongly_ordered = [], []
    for group in tomllib.loads(path.read_text("utf-8"))["group"]:
        expected, after = group["intent"], group["after"]
        for each in group["texts"]:
            latest, text = ("", each) if isinstance(each, str) else each
            counted[expected] += 1
            found = classify(clean(text), replace(AFTER[after], latest_prompt=latest))
            said = found.intent.value if found.is_sure else UNSURE
            is_right = said in {expected, *group.get("may", ())}
            if is_right and said == "question" and found.topic != group.get("topic", found.topic):
                is_right = False
            if is_right:
                continue
            misses.append(Miss(text, after, expected, found))
            if found.is_sure and found.intent in ORDERS:
                wrongly_ordered.append(misses[-1])
    return Score(counted, misses, wrongly_ordered)


def listed(misses: list[Miss]) -> str:
    return "\n".join(
        f"{miss.text!r} after {miss.after}: {miss.expected}, but {miss.found.intent.value}"
        f"{'' if miss.found.is_sure else ' (unsure)'} {miss.found.topic} {miss.found.reasons}"
        for miss in misses
    )


def test_utterances_are_understood() -> None:
    counted, misses, wrongly_ordered = score(UTTERANCES)
    bothered = [miss for miss in misses if miss.expected == Intent.CREATE]

    assert counted.total() >= 1500
    assert len(wrongly_ordered) <= 0.01 * counted.total(), listed(wrongly_ordered)
    assert len(bothered) <= 0.04 * counted[Intent.CREATE], listed(bothered)
    assert len(misses) <= 0.05 * counted.total(), listed(misses)


def test_utterances_unseen_by_the_phrases_are_mostly_understood() -> None:
    counted, misses, wrongly_ordered = score(UNSEEN)
    bothered = [miss for miss in misses if miss.expected == Intent.CREATE]

    assert counted.total() == 200
    assert len(wrongly_ordered) <= 0.04 * counted.total(), listed(wrongly_ordered)
    assert len(bothered) <= 0.06 * counted[Intent.CREATE], listed(bothered)
    assert len(misses) <= 0.1 * counted.total(), listed(misses)


def classified(mark: str, *afters: str) -> dict[tuple[str, str], Classification]:
    """Return the rows of the marked groups as understood there, or in the given contexts."""
    groups = tomllib.loads(UTTERANCES.read_text("utf-8"))["group"]
    said = [
        (after, *(each if isinstance(each, list) else ("", each)))
        for group in groups
        if mark in group
        for each in group["texts"]
        for after in afters or (group["after"],)
    ]
    return {
        (text, after): classify(clean(text), replace(AFTER[after], latest_prompt=latest))
        for after, latest, text in said
    }


def test_talk_and_complaints_order_nothing() -> None:
    found = classified("strict", "nothing", "picture")

    ordered = [key for key, each in found.items() if each.is_sure and each.intent in ORDERS]
    assert len(found) > 200
    assert not ordered


def test_prompts_that_begin_like_talk_are_at_most_asked_about() -> None:
    found = classified("prompts")

    lost = [key for key, each in found.items() if each.is_sure and each.intent not in ORDERS]
    assert len(found) > 50
    assert not lost


@pytest.mark.parametrize(
    ("latest", "text", "intent"),
    [
        ("a cat in a blue hat", "a cat in a red hat", Intent.CREATE),
        ("кот в синей шляпе", "кот в красной шляпе", Intent.CREATE),
        ("a cat in a blue hat", "make the cat in a hat red", Intent.CHANGE),
        ("кот в синей шляпе", "сделай фон как в космосе", Intent.CHANGE),
        ("кот в синей шляпе", "пусть кот будет в красной шляпе", Intent.CHANGE),
    ],
)
def test_prompts_and_changes_are_told_apart(latest: str, text: str, intent: Intent) -> None:
    found = classify(text, ChatFacts(has_picture=True, latest_prompt=latest))

    assert (found.intent, found.is_sure) == (intent, True)


@pytest.mark.parametrize(
    ("after", "text"),
    [
        ("reply", "I want a picture of a sleeping dragon"),
        ("reply", "мне нужна иконка для приложения погоды"),
        ("nothing", "i'd prefer a wooden table"),
        ("nothing", "собаку вместо кота"),
        ("nothing", "do you work in group chats"),
        ("picture", "а можно лису в скафандре"),
        ("nothing", "hi there"),
        ("picture", "not enough trees"),
        ("picture", "не в горах"),
        ("picture", "I do not see a dog in the picture"),
    ],
)
def test_what_may_mean_two_things_or_none_is_not_ordered(after: str, text: str) -> None:
    found = classify(text, AFTER[after])

    assert not found.is_sure or found.intent not in {*ORDERS, Intent.POINTING}, found


@pytest.mark.parametrize(
    "text", ["lamp", "a lime", "gold", "mist at night", "dots", "a wall", "wall at night", "a sofa"]
)
def test_a_short_word_is_no_slip_of_another_that_asks_for_something_else(text: str) -> None:
    for after in ("nothing", "picture"):
        assert classify(text, AFTER[after]).intent is Intent.CREATE, after


OPERATIONS = {
    Operation.UPSCALE: [
        "увеличь", "Увеличь в 2 раза!", "увеличь в четыре раза", "увеличь это фото, пожалуйста",
        "сделай картинку побольше", "в 2 раза больше", "upscale x4", "make it bigger", "enlarge",
        "x4", "×2", "4k", "twice as big", "upscale to 4K please", "4 K",
    ],
    Operation.RETOUCH: [
        "retouch", "Retouch this photo, please!", "restore", "can you retouch it?", "ретушь",
        "Отретушируй, пожалуйста", "восстанови фото", "сделай ретушь",
    ],
    Operation.REMOVE_BACKGROUND: [
        "remove the background", "Please, remove the background from this photo!",
        "make the background transparent", "no background", "Убери фон",
        "вырежи фон на этом фото, пожалуйста", "без фона", "сделай прозрачный фон",
        "сделай фон прозрачным",
    ],
}  # fmt: skip
NO_OPERATIONS = [
    "увеличь глаза", "увеличь яркость в 2 раза", "увеличь в 3 раза", "больше", "bigger", "два", "4",
    "два фото", "make it warmer", "make the cat bigger", "make it", "два кота", "x4 wheel drive",
    "увеличь " * 200, "retouch the sky in red", "фото", "восстанови руку", "improve",
    "please " * 500, "remove the cat from the background", "blur the background", "фон",
    "убери фон и сделай теплее", "убери людей", "убери фон " * 100,
]  # fmt: skip


def test_whole_messages_ask_for_an_operation() -> None:
    for operation, texts in OPERATIONS.items():
        for text in texts:
            assert classify(text).operation is operation, text


def test_texts_that_ask_for_more_than_an_operation() -> None:
    for text in NO_OPERATIONS:
        assert classify(text).operation is None, text


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("x4", 4), ("×2", 2), ("4", 4), ("в 4 раза", 4), ("4x", 4), ("х2", 2), ("в два раза", 2),
        ("twice", 2), ("x2!", 2), ("4K", 4), ("24", None), ("2.5", None), ("16:4", None),
        ("8", None), ("", None),
    ],
)  # fmt: skip
def test_scale_in_words(text: str, scale: int | None) -> None:
    assert scale_in(text) == scale


def test_unsure_text_follows_the_remembered_choice() -> None:
    for choice in ("create", "change"):
        found = classify("на пляже", replace(AFTER["picture"], remembered=choice))
        assert (found.intent, found.is_sure) == (Intent(choice), True)
    after = replace(AFTER["picture"], remembered="create")
    assert classify("сделай ярче", after).intent is Intent.CHANGE
    # A change needs a picture, and a question does not become an order.
    assert not classify("сделай ярче", ChatFacts(remembered="change")).is_sure
    assert classify("сколько это стоит?", after).intent is Intent.QUESTION


def test_wording_key_ignores_case_and_endings() -> None:
    assert wording_key("Синий кот!") == wording_key("синие коты")
    assert wording_key("синий кот") != wording_key("синий пёс")


def test_fragment_about_an_old_picture_is_asked_about() -> None:
    old = replace(AFTER["picture"], picture_age_s=86400)
    assert not classify("ночью", old).is_sure
    assert classify("сделай её ярче", old).is_sure


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("could you please draw a cat", "draw a cat"),
        ("Привет! Нарисуй кота", "Нарисуй кота"),
        ("спасибо, но сделай ярче", "но сделай ярче"),
        ("a cat", "a cat"),
        ("I don't like it, make it darker", "make it darker"),
        ("it's too dark, make it brighter", "make it brighter"),
        ("the background is ugly, change it", "the background is ugly, change it"),
        ("фон ужасный, убери его", "фон ужасный, убери его"),
        ("«Кот», пожалуйста", "«Кот», пожалуйста"),
    ],
)
def test_polite_beginning_is_no_part_of_the_prompt(text: str, prompt: str) -> None:
    assert classify(text, AFTER["picture"]).prompt == prompt


@pytest.mark.parametrize("text", ["", " ", "«»", "İİİİ", "\ud83e", "a" * 2000, "? ? ?", "\n", "—"])
def test_odd_texts_are_classified(text: str) -> None:
    assert classify(text, AFTER["picture"])


def test_a_listed_word_is_no_slip_of_another() -> None:
    assert slips_of("warmer", ("warier", "warmer", "farmer"))[0] == "warmer"
    assert slips_of("famrer", ("warmer", "farmer")) == ["farmer"]
