"""What the built-in engine says of a created picture, and how it is told to users."""

import pytest

from imgbot.domain.texts import tables
from imgbot.domain.texts.captions import (
    drawing_lines,
    drawing_name,
    with_drawing,
)
from imgbot.imaging.engine.create import plan_picture
from imgbot.imaging.engine.create_report import CreateReport, report
from imgbot.imaging.engine.prompt_features import extract_features
from imgbot.imaging.engine.scenes import SCENES
from imgbot.imaging.engine.sprites import SPRITES
from imgbot.imaging.engine.styles import STYLES


def reported(prompt: str, seed: int = 7) -> CreateReport:
    plan = plan_picture(prompt, seed)
    lettering = ("lettering",) if plan.text else ()
    names = (plan.scene_name, plan.palette.name, plan.style, *plan.sprites, *lettering)
    return report(prompt, names)


FULLY_DRAWN = """
лиса в осеннем лесу, акварель
a fox in an autumn forest, watercolour
нарисуй мне, пожалуйста, кота на крыше
draw me a big fluffy cat, 4k, highly detailed
закат над морем, масло
маленький домик в горах зимой
плакат «Джаз в парке», неон
happy birthday card with a cake
пляж без людей
a beach without people, palm trees
девушка с зонтом под дождём
a girl with an umbrella in the rain
кит в океане под звёздным небом
зимний лес ночью, северное сияние
киберпанк город, неон, дождь
абстракция в синих тонах
ёжик в тумане
sunset, 16:9
two swans on a calm lake at dawn
""".strip().splitlines()


@pytest.mark.parametrize("seed", [1, 7])
def test_nothing_is_said_of_a_prompt_that_is_drawn(seed: int) -> None:
    told = {words: reported(words, seed) for words in FULLY_DRAWN}
    assert {words: each for words, each in told.items() if each != CreateReport()} == {}


def test_words_that_are_not_drawn_are_reported_in_the_users_own_words() -> None:
    table = {
        "Пушкин на мотоцикле в ночном городе": (
            ["Нарисовано: «в ночном городе»", "Не нарисовано: «Пушкин на мотоцикле»"]
        ),
        "Pushkin on a motorcycle in the city at night": (
            ["Drawn: “in the city at night”", "Not drawn: “Pushkin on a motorcycle”"]
        ),
        "Париж весной": ["Нарисовано: «весной»", "Примерно: «Париж» (город)"],
        "an astronaut riding a horse": [
            "Drawn: “a horse”",
            "Roughly: “an astronaut” (outer space)",
        ],
        "a woman in a red dress": ["Drawn: “a woman”", "Not drawn: “in a red dress”"],
        "две собаки играют с мячом": [
            "Нарисовано: «две собаки»",
            "Не нарисовано: «играют с мячом»",
        ],
        "лес и город": ["Нарисовано: «город»", "Не нарисовано: «лес»"],
        "портрет Пушкина маслом": ["Нарисовано: «маслом»", "Не нарисовано: «портрет Пушкина»"],
        "Эйнштейн": ["Нарисовано: пятна краски", "Не нарисовано: «Эйнштейн»"],
    }
    told: dict[str, list[str]] = {}
    for words in table:
        language, made = "en" if words.isascii() else "ru", reported(words)
        told[words] = drawing_lines(language, words, made.applied, made.undrawn)
    assert told == table


def test_suggestions_can_be_drawn_and_are_close_in_meaning() -> None:
    assert reported("Пушкин на мотоцикле в ночном городе").suggestions[0] == "bicycle"
    assert reported("a tiger, watercolour").suggestions == ("cat", "bear", "oil")
    assert len(reported("Эйнштейн").suggestions) == 3


@pytest.mark.parametrize(
    ("prompt", "key", "ordered"),
    [
        ("Пушкин на мотоцикле в ночном городе", "car", "в ночном городе, машина"),
        ("three cats and a dog playing chess", "fox", "three cats, fox"),
        ("Эйнштейн", "cat", "кошка"),
        ("портрет Пушкина маслом", "watercolour", "портрет Пушкина, акварель"),
        ("a fox, oil painting", "watercolour", "a fox, watercolour"),
    ],
)
def test_a_suggestion_is_added_or_replaces_what_it_is_offered_for(
    prompt: str, key: str, ordered: str
) -> None:
    assert with_drawing(prompt, reported(prompt).undrawn, key) == ordered


def test_every_name_is_understood_by_the_engine() -> None:
    names = tables("en")
    assert set(names["scenes"]) == set(SCENES)
    assert set(names["subjects"]) == set(SPRITES)
    assert set(names["styles"]) == set(STYLES) - {"plain"}
    for prompt in ("лес", "forest"):
        for key in names["subjects"]:
            assert key in extract_features(drawing_name(key, prompt)).sprites
        for key in names["styles"]:
            assert key in extract_features(drawing_name(key, prompt)).styles


def test_a_provider_without_a_report_has_no_lines_and_long_ones_are_cut() -> None:
    assert drawing_lines("en", "a fox", ["warmer"], ["hat"]) == []
    [line] = drawing_lines("en", "a fox", [f"drawn|{'fox ' * 500}"], [])
    assert len(line) < 250
