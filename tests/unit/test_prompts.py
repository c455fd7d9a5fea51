"""Messages and prompts: cleaned, and freed of their options."""

import datetime as dt
import tomllib
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiogram.types import Chat, Document, Message, PhotoSize
from hypothesis import given, strategies as st

from imgbot.bot.messages import clean, photo_of, prompt_of
from imgbot.domain.errors import UserError
from imgbot.domain.prompt_options import (
    PromptOptions,
    implied_ratio,
    names_nothing,
    parse_prompt_options,
    with_negative,
)

TABLES: dict[str, Any] = tomllib.loads(
    (Path(__file__).parents[1] / "fixtures" / "prompt_options.toml").read_text("utf-8")
)


def message(**content: object) -> Message:
    date, chat = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), Chat(id=1, type="private")
    return Message.model_validate({"message_id": 1, "date": date, "chat": chat, **content})


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("  a   fox\n in\tsnow\x00 ", "a fox in snow"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("\x00\u200b\u202e\u200d\ufe0f \u3164\u115f\uffa0\u2800", ""),
        ("שלום", "שלום"),
        ("<b>&amp;</b> *x*", "<b>&amp;</b> *x*"),
        ("/create a fox", "a fox"),
        ("/create@imgbot_bot fox", "fox"),
        ("/create", ""),
        ("а / б", "а / б"),
        # The same letters in another encoding.
        ("рису\u0438\u0306", "рисуй"),
        ("за\u0301мок, Cafe\u0301", "замок, Café"),
        ("Don´t, don‘t, don’t, donʼt, don＇t, don`t", "Don't, don't, don't, don't, don't, don't"),
        ("‘İyi’ on a wall, 6´", "‘İyi’ on a wall, 6´"),
    ],
)
def test_a_prompt_is_cleaned_and_freed_of_its_command(typed: str, words: str) -> None:
    assert prompt_of(message(text=typed)) == words


@given(st.text(st.characters(exclude_categories=[])))
def test_what_is_left_of_any_text_can_be_shown_and_sent(text: str) -> None:
    kept = clean(text)

    assert clean(kept) == kept == " ".join(kept.split())
    assert {unicodedata.category(char) for char in kept} & {"Cc", "Cs"} == set()
    assert [char for char in kept if unicodedata.category(char) == "Cf"] == ["\u200d"] * kept.count(
        "\u200d"
    )
    # What no other letter stands beside, and is no noise, is there as it was.
    assert {char for char in text if char.isascii() and char.isalnum()} <= {*kept}


def test_too_many_words_are_refused_with_their_number() -> None:
    with pytest.raises(UserError) as refusal:
        clean("x" * 10_000)

    assert refusal.value.reason == "words_too_long"
    assert refusal.value.facts == {"count": 10_000, "limit": 2000}


def photo(size_bytes: int) -> list[PhotoSize]:
    small = PhotoSize(file_id="s", file_unique_id="s", width=90, height=90, file_size=1)
    large = PhotoSize(file_id="l", file_unique_id="l", width=9, height=9, file_size=size_bytes)
    return [small, large]


def document(name: str | None, mime: str | None) -> Document:
    return Document(file_id="d", file_unique_id="d", file_name=name, mime_type=mime)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        # Of a photo the largest size, up to Telegram's limit.
        ({"photo": photo(20 << 20)}, ("l", 20 << 20)),
        ({"photo": photo((20 << 20) + 1)}, "picture_too_large"),
        ({"document": document("a.jpg", None)}, ("d", 0)),
        ({"document": document("A.PNG", "application/octet-stream")}, ("d", 0)),
        ({"document": document("a", "image/webp")}, ("d", 0)),
        ({"document": document("a.txt", "text/plain")}, "file_not_picture"),
        ({"document": document(None, None)}, "file_not_picture"),
        ({"document": document("a.zip", "application/zip")}, "file_not_picture"),
    ],
)
def test_photos_and_files_that_may_be_pictures_are_taken(
    content: dict[str, object], found: str | tuple[str, int]
) -> None:
    if isinstance(found, str):
        with pytest.raises(UserError, match=found):
            photo_of(message(**content))
    else:
        source = photo_of(message(**content))
        assert source is not None
        assert (source.file_id, source.size_bytes) == found


def options(fields: dict[str, Any]) -> PromptOptions:
    return PromptOptions(**fields | {"ignored": tuple(fields.get("ignored", ()))})


@pytest.mark.parametrize("table", ["options", "flags"])
def test_options_are_taken_out_of_the_prompt(table: str) -> None:
    expected = {words: options(fields) for words, fields in TABLES[table].items()}

    assert {words: parse_prompt_options(words) for words in expected} == expected


def test_words_that_only_look_like_an_option_stay() -> None:
    for words in TABLES["words"]["unchanged"]:
        assert parse_prompt_options(words) == PromptOptions(words)
    # Where only flags are options, all words stay.
    found = parse_prompt_options("square, warmer --v 6 --ar 16:9 --no snow", has_words=False)
    assert found == PromptOptions("square, warmer", "16:9", negative="snow", ignored=("--v 6",))


def test_shape_is_asked_for_or_implied() -> None:
    for ratio, prompts in TABLES["ratios"].items():
        for words in prompts:
            found = parse_prompt_options(words)
            assert (words, found.ratio or implied_ratio(found.prompt)) == (words, ratio)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("read", [parse_prompt_options, implied_ratio])
@pytest.mark.parametrize(
    "text",
    [
        "9:8 " * 50_000,
        "--no a" + ". " * 100_000 + "b",
        "--no" + "=" * 200_000 + "\nx",
        "--no a\n" * 30_000,
        "—a " * 50_000 + "--hd " * 50_000,
        "a " * 100_000 + "»",
    ],
    ids=lambda text: text[:8],
)
def test_a_hostile_prompt_takes_time_in_proportion_to_its_length(
    read: Callable[[str], object], text: str
) -> None:
    # In quadratic time it would take minutes.
    read(text)


@pytest.mark.parametrize(
    ("prompt", "negative", "sent"),
    [
        ("a fox.", "red birds, snow", "a fox, without: red birds, snow"),
        ("лиса", "снег", "лиса, без: снег"),
        ("a fox", "", "a fox"),
    ],
)
def test_a_negative_follows_in_words_where_the_provider_has_none(
    prompt: str, negative: str, sent: str
) -> None:
    assert with_negative(prompt, negative) == sent


@pytest.mark.parametrize(
    ("text", "is_nothing"),
    [
        ("16:9", True), ("3 варианта", True), ("2 variants, 3:2", True), ("--ar 16:9 --v 6", True),
        ("--no birds", True), ("negative prompt: birds", True), ("no birds", False),
        ("квадрат", False), ("square", False), ("a fox, 16:9", False), ("7", False), ("404", False),
        ("3 cats", False), ("10:30", False), ("🦊", False), ("", False),
    ],
)  # fmt: skip
def test_options_without_a_thing_name_nothing(text: str, is_nothing: bool) -> None:
    assert names_nothing(text) is is_nothing
