"""Prompts as words change them, and texts that ask for the latest prompt again."""

from contextlib import suppress

import pytest

from imgbot.domain.errors import UserError
from imgbot.domain.prompt_options import PROMPT_LIMIT, to_prompt
from imgbot.domain.remix import amend, repeats_prompt

AMENDED = [
    # What is to be seen is added, or takes the place of words of its kind.
    ("a tower by the sea", "taller", "a tower by the sea, taller"),
    ("a cat", "add the hat", "a cat, hat"),
    ("a fox", "make it winter and add a boat", "a fox, winter, a boat"),
    ("a city at sunset, watercolour", "now at night", "a city, watercolour, at night"),
    ("лес летом", "зимой", "лес, зимой"),
    ("лиса в осеннем лесу", "а теперь зимой", "лиса в лесу, зимой"),
    ("a fox in an autumn forest", "make it winter", "a fox in a forest, winter"),
    ("город летней ночью", "днём", "город, днём"),
    ("кот", "в шляпе", "кот, в шляпе"),
    ("кот", "шляпу надень", "кот, шляпа"),
    ("море", "добавь кота", "море, кот"),
    ("море", "добавь красную шляпу", "море, красная шляпа"),
    ("лиса", "больше деревьев", "лиса, больше деревьев"),
    ("a girl", "change the background to a beach", "a girl, background: a beach"),
    # The words on a card end where a change is added.
    (
        "открытка с надписью С праздником, мама!",
        "добавь кота",
        "открытка с надписью «С праздником, мама!», кот",
    ),
    # A shape alone adds no words.
    ("лиса в лесу", "давай её 16:9", "лиса в лесу --ar 16:9"),
    ("a cat", "make it vertical, for stories", "a cat --ar 9:16"),
    # A colour or a size goes to its thing, and agrees with it.
    ("лиса в лесу", "сделай её рыжей", "рыжая лиса в лесу"),
    ("кот в космосе", "рыжий", "рыжий кот в космосе"),
    ("дом", "не такой, а синий", "синий дом"),
    ("море", "синим", "синее море"),
    ("лошадь у реки", "белая", "белая лошадь у реки"),
    ("олень", "белая", "белый олень"),
    ("рыцарь с мышью", "мышь серая", "рыцарь с серой мышью"),
    ("синяя машина у дома", "машина пусть будет красная", "красная машина у дома"),
    ("a blue car", "the car should be red", "a red car"),
    ("мальчик на машине", "сделай машину красной", "мальчик на красной машине"),
    ("кот на синей машине", "перекрась машину в красный цвет", "кот на красной машине"),
    ("портрет лисы", "рыжая", "портрет рыжей лисы"),
    ("девушка в платье", "сделай платье синим", "девушка в синем платье"),
    ("рыбак с лодкой", "рыжую лодку", "рыбак с рыжей лодкой"),
    ("кошка с шариками", "шарики красные", "кошка с красными шариками"),
    ("дом с дверью", "сделай дверь красной", "дом с красной дверью"),
    ("собаки на лугу", "сделай собак белыми", "белые собаки на лугу"),
    ("деревья у реки", "сделай деревья красными", "красные деревья у реки"),
    ("кот на диване", "сделай диван маленьким", "кот на маленьком диване"),
    ("кот на дом", "сделай дом большим", "кот на большой дом"),
    ("дерево на холме", "сделай дерево больше", "большое дерево на холме"),
    ("a car by a house", "change the car to red", "a red car by a house"),
    ("a blue car", "make the car red", "a red car"),
    ("a cat", "make it orange", "an orange cat"),
    ("a sleeping fox in the snow", "orange", "a sleeping orange fox in the snow"),
    ("fox in a red hat", "blue hat", "fox in a blue hat"),
    ("a picture of a fox", "big", "a picture of a big fox"),
    # What is to be bigger or smaller stays one thing.
    ("a fox in the snow", "make the fox bigger and add a moon", "a big fox in the snow, a moon"),
    ("a big fox", "the fox should be a bit bigger", "a huge fox"),
    ("a big fox in the snow", "make it smaller", "a small fox in the snow"),
    ("an old house", "make the house smaller", "an old small house"),
    ("лиса в снегу", "сделай лису побольше и добавь луну", "большая лиса в снегу, луна"),
    ("большой кот", "пусть кот будет намного больше", "огромный кот"),
    ("девочка с лисой", "сделай лису поменьше", "девочка с маленькой лисой"),
    ("мышь с котом", "кота крупнее", "мышь с большим котом"),
    ("замок на холме", "сделай замок больше и холм меньше", "большой замок на маленьком холме"),
    (
        "a fox on a hill",
        "make the fox a lot bigger and the hill smaller",
        "a big fox on a small hill",
    ),
    ("a fox", "bigger trees", "a fox, bigger trees"),
    # One thing instead of another.
    ("a grey cat on a roof", "a dog instead of the cat", "a dog on a roof"),
    ("рыжий кот на крыше", "собаку вместо кота", "собака на крыше"),
    ("девочка с котом", "замени кота на собаку", "девочка, собака"),
    ("открытка с тюльпанами", "розы вместо тюльпанов", "открытка, розы"),
    ("кот в шляпе", "кота замени на лису", "лиса в шляпе"),
    ("a fox in the snow", "turn it into a castle", "a castle in the snow"),
    ("a red house", "blue instead of red", "a blue house"),
    # What is not wanted leaves the prompt, and must not come back by itself.
    ("a fox in a big city at night", "without the city", "a fox at night --no city"),
    ("a cat and a fluffy dog", "remove the dog", "a cat --no dog"),
    ("кот и собака", "без собаки", "кот --no собаки"),
    ("a city", "without the city", "a city --no city"),
    ("лес", "убери снег, добавь туман", "лес, туман --no снег"),
    ("лес и река", "туман, без реки", "лес, туман --no реки"),
    ("a castle --no birds", "add birds", "a castle, birds"),
    # Options, and the seed.
    ("a fox --ar 1:1 --seed 7", "16:9", "a fox --ar 16:9 --seed 7"),
    ("a fox --seed 7", "1:1 и без текста", "a fox --no текста --ar 1:1 --seed 7"),
    ("a fox --seed 7", "the same but in winter", "a fox, in winter --seed 7"),
    ("a fox --seed 7", "same prompt, different seed", "a fox"),
    ("a fox --seed 7", "2 variants", "a fox"),
    ("замок --seed 7", "ещё но ночью", "замок, ночью"),
    ("a fox --seed 7", "--seed 9", "a fox --seed 9"),
    # Nothing is left of the words.
    ("a fox", "make it", "a fox"),
    ("a fox", "!!!", "a fox"),
]


@pytest.mark.parametrize(("base", "change", "expected"), AMENDED)
def test_prompt_is_amended(base: str, change: str, expected: str) -> None:
    assert to_prompt(amend(base, change)) == expected


def test_number_of_variants_is_told() -> None:
    said = {"2 варианта": 2, "давай четыре": 4, "дай три": 3, "make 4 variants": 4, "16:9": 0}

    assert {text: amend("a fox", text).variants for text in said} == said


REPEATS = """
16:9 | 2 варианта | два варианта | давай четыре | same prompt, different seed | ещё но ночью
1:1 и без текста | make it 16:9 | сделай 16:9 | --no birds | negative prompt: birds, moon
another one, but with a cat | в формате 9:16 | тот же промпт, другой сид | хочу 2 | in 16:9 please
"""
REPEATS_NOT = """
4 | четыре | a cat 16:9 | без текста | same but in winter | кот | 3 кота | ещё | 3 more | 4k | x2
3? | 24 декабря | 12:30 | квадрат | 1984 | room 101 | a fox, 2 variants | сделай ярче | --v 6
"""


@pytest.mark.parametrize(("texts", "expected"), [(REPEATS, True), (REPEATS_NOT, False)])
def test_text_that_repeats_the_prompt_is_recognised(texts: str, expected: bool) -> None:
    said = [text.strip() for line in texts.strip().splitlines() for text in line.split("|")]

    assert {text: repeats_prompt(text) for text in said} == dict.fromkeys(said, expected)


@pytest.mark.parametrize(
    "hostile", ["no " * 700, "и без " * 400, "a" * 2000, "🦊" * 1000, "ʢ̷̖" * 600, "16:9 " * 400, ","]
)
def test_hostile_texts_are_read(hostile: str) -> None:
    repeats_prompt(hostile)

    for base, change in (("a fox", hostile), (hostile, "without the fox, red"), (hostile, hostile)):
        with suppress(UserError):
            assert len(amend(base, change).prompt) <= PROMPT_LIMIT


@pytest.mark.parametrize(
    ("base", "change"),
    [
        ("tall birches, " * 142, "at night with a red moon"),
        ("tall birches, " * 142, "another one, " + "but very cold, " * 30),
        ("a fox --no " + "birches, " * 221, "another one but without the frozen brook"),
    ],
)
def test_a_change_is_refused_where_the_prompt_would_be_cut(base: str, change: str) -> None:
    with pytest.raises(UserError, match="change_too_long"):
        amend(base, change)
