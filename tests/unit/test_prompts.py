"""Messages and prompts: cleaned, and freed of their options."""

import datetime as dt

import pytest
from aiogram.types import Chat, Document, Message, PhotoSize

from imgbot.bot.messages import clean, photo_of, prompt_of
from imgbot.domain.errors import UserError
from imgbot.domain.prompt_options import PromptOptions, parse_prompt_options, with_negative

DATE = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def message(**content: object) -> Message:
    return Message.model_validate(
        {"message_id": 1, "date": DATE, "chat": Chat(id=1, type="private"), **content}
    )


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("  a   fox\n in\tsnow ", "a fox in snow"),
        ("\x00\u200b\u202e", ""),
        ("a\x00b", "ab"),
        ("a\ud800b", "ab"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("\u200d\ufe0f", ""),
        ("שלום", "שלום"),
        ("<b>&amp;</b> *x*", "<b>&amp;</b> *x*"),
    ],
)
def test_words_are_cleaned(typed: str, words: str) -> None:
    assert clean(typed) == words


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("/create a fox", "a fox"),
        ("/create@imgbot_bot fox", "fox"),
        ("/create", ""),
        ("а / б", "а / б"),
    ],
)
def test_the_command_is_not_part_of_the_words(typed: str, words: str) -> None:
    assert prompt_of(message(text=typed)) == words


def test_too_many_words_are_refused_with_their_number() -> None:
    with pytest.raises(UserError) as refusal:
        clean("x" * 10_000)

    assert refusal.value.reason == "words_too_long"
    assert refusal.value.facts == {"count": 10_000, "limit": 2000}


def photo(size_bytes: int) -> list[PhotoSize]:
    small = PhotoSize(file_id="s", file_unique_id="s", width=90, height=90, file_size=1)
    large = PhotoSize(file_id="l", file_unique_id="l", width=9, height=9, file_size=size_bytes)
    return [small, large]


def test_the_largest_size_of_a_photo_is_taken_up_to_telegrams_limit() -> None:
    source = photo_of(message(photo=photo(20 << 20)))

    assert source is not None
    assert (source.file_id, source.size_bytes) == ("l", 20 << 20)
    with pytest.raises(UserError, match="picture_too_large"):
        photo_of(message(photo=photo((20 << 20) + 1)))


@pytest.mark.parametrize(
    ("name", "mime", "is_picture"),
    [
        ("a.jpg", None, True),
        ("A.PNG", "application/octet-stream", True),
        ("a", "image/webp", True),
        ("a.txt", "text/plain", False),
        (None, None, False),
        ("a.zip", "application/zip", False),
    ],
)
def test_files_that_may_be_pictures(name: str | None, mime: str | None, is_picture: bool) -> None:
    document = Document(file_id="d", file_unique_id="d", file_name=name, mime_type=mime)
    if is_picture:
        assert photo_of(message(document=document)) is not None
    else:
        with pytest.raises(UserError, match="file_not_picture"):
            photo_of(message(document=document))


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
    ("fox --n 9 --seed 42", PromptOptions("fox", variants=4, seed=42, requested_variants=9)),
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


FLAGS = [
    ("a fox --v 6.1", PromptOptions("a fox", ignored=("--v 6.1",))),
    ("a fox --v 6 --ar 3:2 --s 250", PromptOptions("a fox", "3:2", ignored=("--v 6", "--s 250"))),
    (
        "a fox --style raw --q 2 --tile",
        PromptOptions("a fox", ignored=("--style raw", "--q 2", "--tile")),
    ),
    ("a fox --chaos 30, --niji 6", PromptOptions("a fox", ignored=("--chaos 30", "--niji 6"))),
    ("a fox —v 6.1 —ar 16:9", PromptOptions("a fox", "16:9", ignored=("--v 6.1",))),
    ("a fox –niji", PromptOptions("a fox", ignored=("--niji",))),
    (
        "a fox --sref https://a.b/c.png --sw 50",
        PromptOptions("a fox", ignored=("--sref https://a.b/c.png", "--sw 50")),
    ),
    ("лиса --V 7 --v 7", PromptOptions("лиса", ignored=("--V 7", "--v 7"))),
    ("hot::2 dog::1.5", PromptOptions("hot, dog", ignored=("::2", "::1.5"))),
    ("space:: ship", PromptOptions("space, ship", ignored=("::",))),
    ("a fox --no trees, people", PromptOptions("a fox", negative="trees, people")),
    ("a fox --no trees --ar 3:2 --no snow", PromptOptions("a fox", "3:2", negative="trees, snow")),
    (
        "лиса —no деревья, снег —v 6",
        PromptOptions("лиса", negative="деревья, снег", ignored=("--v 6",)),
    ),
    ("a fox --no text.", PromptOptions("a fox", negative="text")),
    ("prompt: a fox", PromptOptions("a fox")),
    ("Промпт: лиса --ar 1:1", PromptOptions("лиса", "1:1")),
    ("5 вариантов лисы", PromptOptions("лисы", variants=4, requested_variants=5)),
    ("a fox, 12 variants", PromptOptions("a fox", variants=4, requested_variants=12)),
    ("десять вариантов лисы", PromptOptions("лисы", variants=4, requested_variants=10)),
]


def test_flags_of_other_services_never_stay_in_the_prompt() -> None:
    for words, forms in FLAGS:
        assert parse_prompt_options(words) == forms, words


def test_negative_follows_in_words_where_the_provider_has_none() -> None:
    assert with_negative("a fox", "snow") == "a fox, without snow"
    assert with_negative("лиса", "снег") == "лиса, без: снег"
    assert with_negative("a fox", "") == "a fox"


def test_words_stay_in_the_prompt_where_only_flags_are_options() -> None:
    found = parse_prompt_options("square, warmer --v 6 --ar 16:9 --no snow", has_words=False)

    assert found == PromptOptions("square, warmer", "16:9", negative="snow", ignored=("--v 6",))


LOOKALIKES = [
    "a train -- at night",
    "a train --at night",
    "a train — fast as light",
    "a storm —fast cars in the rain",
    "std::vector written on a wall",
    "the prompt: how to write it",
    "a house – v shaped roof",
    "no trees, a fox",
    "1 вариант лисы",
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
    assert parse_prompt_options("fox --ar 100:1") == PromptOptions("fox", ignored=("--ar 100:1",))
