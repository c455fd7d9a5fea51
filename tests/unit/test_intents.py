"""What a text asks for, scored over utterances in both languages."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from imgbot.bot.messages import clean
from imgbot.domain.intents import (
    ChatFacts,
    Intent,
    PendingQuestion,
    classify,
    scale_in,
    wording_key,
)
from imgbot.domain.intents.classifier import ORDERS, UNSURE
from imgbot.domain.intents.model import WEIGHTS
from imgbot.domain.operations import Operation
from imgbot.domain.spelling import slips_of
from tests.bench.train_intents import trained
from tests.fixtures.utterances import KNOWN, Utterance, digest_of_known, utterances_in

FIXTURES = Path(__file__).parent.parent / "fixtures"
FILES = {
    "known": KNOWN,
    "unseen": [FIXTURES / "utterances_unseen.toml"],
    "judging": [FIXTURES / "utterances_judging.toml"],
}
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


@cache
def read_utterances(name: str) -> Sequence[Utterance]:
    """Not at the import, which each process of a run pays for."""
    return [each for file in FILES[name] for each in utterances_in(file)]


class Score(NamedTuple):
    misses: Sequence[str]
    wrongly_ordered: Sequence[str]
    bothered: Sequence[str]
    """Prompts that were not ordered at once."""
    changed: Sequence[str]
    """Prompts that were taken for a change of the picture at hand."""


def score(utterances: Sequence[Utterance]) -> Score:
    misses, wrongly_ordered, bothered, changed = [], [], [], []
    for each in utterances:
        found = classify(clean(each.text), each.facts)
        said = found.intent.value if found.is_sure else UNSURE
        expected, _, topic = each.label.partition(":")
        is_right = said in {expected, *each.also}
        if is_right and said == expected and topic not in {"", found.topic, found.operation}:
            is_right = False
        if is_right:
            continue
        miss = f"{each.text!r} {each.facts}: {each.label}, but {said} {found.topic}"
        misses.append(miss)
        if said in ORDERS and ORDERS.isdisjoint({expected, *each.also}):
            wrongly_ordered.append(miss)
        if expected == Intent.CREATE:
            bothered.append(miss)
        if (expected, said) == (Intent.CREATE, Intent.CHANGE):
            changed.append(miss)
    return Score(misses, wrongly_ordered, bothered, changed)


@pytest.mark.parametrize(
    ("name", "wrongly_ordered", "bothered", "missed"),
    [("known", 0.002, 0.01, 0.01), ("unseen", 0.01, 0.1, 0.09), ("judging", 0.013, 0.07, 0.145)],
    ids=list(FILES),
)
def test_utterances_are_understood(
    name: str, wrongly_ordered: float, bothered: float, missed: float
) -> None:
    utterances = read_utterances(name)
    found = score(utterances)

    expected = Counter(each.label for each in utterances)
    assert len(found.wrongly_ordered) <= wrongly_ordered * len(utterances), found.wrongly_ordered
    assert len(found.changed) <= 0.035 * expected[Intent.CREATE], found.changed
    assert len(found.bothered) <= bothered * expected[Intent.CREATE], found.bothered
    assert len(found.misses) <= missed * len(utterances), found.misses


def test_weights_belong_to_the_utterances() -> None:
    known = json.loads(WEIGHTS.read_bytes().partition(b"\n")[0])

    assert known["digest"] == digest_of_known(), "run `make train-intents`"


def test_training_gives_the_same_weights_again() -> None:
    known = read_utterances("known")
    assert trained(known[::80], "") == trained(known[::80], "")


def test_talk_and_complaints_order_nothing() -> None:
    found = [
        (text, classify(text, replace(AFTER[after], latest_prompt=latest)))
        for each in read_utterances("known")
        if each.mark == "strict"
        for after in ("nothing", "picture")
        for text, latest in [(clean(each.text), each.facts.latest_prompt)]
    ]

    assert len(found) > 200
    assert not [each for each in found if each[1].is_sure and each[1].intent in ORDERS]


def test_prompts_that_begin_like_talk_are_at_most_asked_about() -> None:
    found = [
        (each.text, classify(clean(each.text), each.facts))
        for each in read_utterances("known")
        if each.mark == "prompts"
    ]

    assert len(found) > 50
    assert not [each for each in found if each[1].is_sure and each[1].intent not in ORDERS]


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
        ("reply", "make it 21:9 with white margins"),
        ("reply", "сделай 16:9 с белыми полями"),
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


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "«»", "İİİİ", "\ud83e", "a" * 2000, "? ? ?", "\n", "—", "увеличь " * 250),
        *("d\u0336\u0330r\u0336a\u0336w\u0336 " * 200, "ثعلب في الغابة " * 100, "😀🎉" * 1000),
        *("asdkjh qwlkej " * 140, "a? " * 600, "ok, " * 500, "«" * 2000),
    ],
)
def test_odd_texts_are_classified(text: str) -> None:
    assert classify(text, AFTER["picture"])


@pytest.mark.parametrize(
    ("odd", "plain"),
    [
        ("don´t draw it", "don't draw it"),
        ("don‘t draw it", "don't draw it"),
        ("don＇t draw it", "don't draw it"),
        ("отмени́", "отмени"),
        ("c\u0327a va, un café", "ça va, un café"),
        ("UNDO İT", "undo it"),
    ],
)
def test_odd_letters_are_read_like_plain_ones(odd: str, plain: str) -> None:
    assert wording_key(odd) == wording_key(plain)


def test_a_listed_word_is_no_slip_of_another() -> None:
    assert slips_of("warmer", ("warier", "warmer", "farmer"))[0] == "warmer"
    assert slips_of("famrer", ("warmer", "farmer")) == ["farmer"]


@pytest.mark.parametrize("text", ["@durov", "me@example.com", "https://example.com/fox"])
@pytest.mark.parametrize("after", ["nothing", "picture"])
def test_an_address_alone_is_at_most_asked_about(after: str, text: str) -> None:
    found = classify(text, AFTER[after])

    assert not (found.is_sure and found.intent in ORDERS)
