"""Shapes and counts in the words."""

from imgbot.bot.prompt_options import PromptOptions, parse_prompt_options

ASKED = [
    ("лиса в лесу --ar 16:9", PromptOptions("лиса в лесу", "16:9")),
    ("лиса 16:9", PromptOptions("лиса", "16:9")),
    ("a fox, 9:16", PromptOptions("a fox", "9:16")),
    ("a fox —ar 3x2", PromptOptions("a fox", "3:2")),
    ("лиса, квадрат", PromptOptions("лиса", "1:1")),
    ("a fox, square", PromptOptions("a fox", "1:1")),
    ("горы, обои на телефон", PromptOptions("горы", "9:16")),
    ("desktop wallpaper, mountains", PromptOptions("mountains", "16:9")),
    ("горы, обои на рабочий стол", PromptOptions("горы", "16:9")),
    ("девушка, вертикально.", PromptOptions("девушка.", "3:4")),
    ("лиса, три варианта", PromptOptions("лиса", variants=3)),
    ("лиса, вертикальный формат", PromptOptions("лиса", "3:4")),
    ("three variants of a fox", PromptOptions("a fox", variants=3)),
    ("лиса — 16:9, 2 варианта", PromptOptions("лиса", "16:9", 2)),
    ("fox --n 9 --seed 42", PromptOptions("fox", variants=4, seed=42)),
    ("лиса 16х9", PromptOptions("лиса", "16:9")),
    ("лиса 16 на 9", PromptOptions("лиса", "16:9")),
    ("лиса в формате 3х4", PromptOptions("лиса", "3:4")),
    ("a fox, aspect ratio 3:2", PromptOptions("a fox", "3:2")),
    ("лиса -ar 16:9", PromptOptions("лиса", "16:9")),
    ("лиса -- ar 16:9", PromptOptions("лиса", "16:9")),
    ("квадратная картинка лисы", PromptOptions("картинка лисы", "1:1")),
    ("a square picture of a fox", PromptOptions("a picture of a fox", "1:1")),
    ("a fox in square format", PromptOptions("a fox", "1:1")),
    ("a fox in landscape orientation", PromptOptions("a fox", "4:3")),
    ("лиса в квадратном формате", PromptOptions("лиса", "1:1")),
    ("лиса для сторис", PromptOptions("лиса", "9:16")),
    ("лиса вертикально", PromptOptions("лиса", "3:4")),
    ("закат горизонтально", PromptOptions("закат", "4:3")),
    ("лиса в 3 вариантах", PromptOptions("лиса", variants=3)),
    # No part of an option stays in the prompt.
    ("кот (16:9)", PromptOptions("кот", "16:9")),
    ("кот (16:9, 2 варианта).", PromptOptions("кот.", "16:9", 2)),
    ("кот (вертикально)", PromptOptions("кот", "3:4")),
    ("a fox, 16:9 format", PromptOptions("a fox", "16:9")),
    ("a fox in 16:9", PromptOptions("a fox", "16:9")),
    ("16:9: кот", PromptOptions("кот", "16:9")),
    ("2 варианта: кот", PromptOptions("кот", variants=2)),
    ("дай 3 варианта лисы", PromptOptions("лисы", variants=3)),
    ("Дайте мне три варианта лисы", PromptOptions("лисы", variants=3)),
    ("лиса. 16:9.", PromptOptions("лиса.", "16:9")),
    ("девушка. Вертикально. Ночь", PromptOptions("девушка. Ночь", "3:4")),
    ("2 варианта, лиса --n 3", PromptOptions("лиса", variants=3)),
    ("лиса, --ar 16:9.", PromptOptions("лиса.", "16:9")),
    ("лиса, вертикальное фото", PromptOptions("лиса, фото", "3:4")),
    ("draw a square image of a cat", PromptOptions("draw image of a cat", "1:1")),
]


def test_options_are_taken_out_of_the_prompt() -> None:
    for words, forms in ASKED:
        assert parse_prompt_options(words) == forms, words


LOOKALIKES = [
    "чёрный квадрат",
    "чёрный квадрат Малевича",
    "a red square",
    "a clock at 10:30",
    "score 2:1 in the match",
    "16:9",
    "--ar 16:9",
    "портрет девушки",
    "a landscape with a river",
    "портрет",
    "портретное фото девушки",
    "a landscape photo",
    "квадратный стол",
    "стол, квадратный, деревянный",
    "вертикальные полосы",
    "вертикальные, чёрные полосы",
    "комната, на стене квадратная картинка",
    "квадратное фото на стене",
    "a square picture frame",
    "вертикальное фото",
    "тарелка, квадратная картинка в центре",
    "a girl and two versions of herself",
    "a square in Rome",
    "ракета взлетает вертикально",
    "линии вертикально",
    "линии горизонтально и вертикально",
    "фото 3х4",
    "ковёр 2x3",
    "комната 9 на 16 метров",
    "стол 16x9 см",
    "grid 16x9x4",
    "табло со счётом 5:4",
    "пакет — n 3",
    "лиса в лесу...",
    "лиса, а рядом кот!",
    "лиса. Вечер. Снег",
]


def test_words_that_only_look_like_an_option_stay() -> None:
    for words in LOOKALIKES:
        assert parse_prompt_options(words) == PromptOptions(words), words
    assert parse_prompt_options("кот, ") == PromptOptions("кот")
    # An impossible ratio is left to the provider.
    assert parse_prompt_options("fox --ar 100:1") == PromptOptions("fox")
