"""What people type and send, made safe to use."""

import datetime as dt

import pytest
from aiogram.types import Chat, Document, Message, PhotoSize

from imgbot.bot.messages import clean, photo_of, prompt_of
from imgbot.bot.upscale_phrases import scale_in
from imgbot.domain.errors import UserError

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


@pytest.mark.parametrize(
    ("words", "scale"),
    [
        ("x4", 4),
        ("×2", 2),
        ("в 4 раза", 4),
        ("х2", 2),
        ("в четыре раза", 4),
        ("twice", 2),
        ("x2.", 2),
        ("4K", 4),
        ("24", None),
        ("2.5", None),
        ("16:4", None),
        ("8", None),
        ("", None),
    ],
)
def test_the_scale_is_read_from_words(words: str, scale: int | None) -> None:
    assert scale_in(words) == scale
