"""Changes of words on a picture: what a text asks for, as the prompt that it becomes."""

import pytest

from imgbot.domain.intents import Intent
from imgbot.domain.lettering import Lettering, read_lettering
from imgbot.domain.operations import Operation
from imgbot.domain.words import read
from imgbot.domain.words.chat import ChatPicture, ChatState
from imgbot.domain.words.reading import Order, sentence_of
from imgbot.features.lettering.changes import changed, prompt_for
from imgbot.features.lettering.rows import ROWS

ONE, MEME, CARD = "write «Hi you»", 'meme top "WHEN" bottom "HUNGRY"', "greeting card: «For Mum!»"


def lettering(prompt: str) -> Lettering:
    found = read_lettering(prompt)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("before", "text", "after"),
    [
        (ONE, 'подпиши "Мурка"', "write “Hi you”, “Мурка”, plain letters"),
        (
            ONE,
            "сверху напиши ПРИВЕТ",
            "write at the bottom “Hi you”, at the top “ПРИВЕТ”, plain letters",
        ),
        (
            ONE,
            "add text HELLO at the top",
            "write at the bottom “Hi you”, at the top “HELLO”, plain letters",
        ),
        (
            ONE,
            "make it brighter and write HO",
            "make it brighter, write “Hi you”, “HO”, plain letters",
        ),
        (
            ONE,
            "подпиши сверху «Мурка»",
            "write at the bottom “Hi you”, at the top “Мурка”, plain letters",
        ),
        (ONE, "замени текст на ПОКА", "write “ПОКА”"),
        (ONE, "change the text to: see you", "write “see you”"),
        (ONE, "change you to all", "write “Hi all”"),
        (ONE, "замени «Hi» на «Ho»", "write “Ho you”"),
        (ONE, "smaller letters", "write “Hi you”, small letters"),
        (ONE, "текст покрупнее и вверху", "write at the top “Hi you”, large letters"),
        (ONE, "красным цветом", "write “Hi you”, red letters"),
        (ONE, "the text should be at the bottom", "write at the bottom “Hi you”"),
        (ONE, "другой шрифт", "write “Hi you”, script letters"),
        (ONE, "write smaller", "write “Hi you”, small letters"),
        (ONE, "убери надпись", "text «»"),
        (MEME, "низ поменяй на «ПОКА»", "meme: at the top “WHEN”, at the bottom “ПОКА”"),
        (MEME, "remove the bottom text", "meme: at the top “WHEN”"),
        (MEME, "write at the bottom see you", "meme: at the top “WHEN”, at the bottom “see you”"),
        (CARD, "add love from Tom", "greeting card: “For Mum! love from Tom”"),
        (CARD, "допиши «от Вани»", "greeting card: “For Mum! от Вани”"),
        (ONE, "brighter", None),
        (ONE, "put a red hat on him", None),
        (ONE, "убери шляпу", None),
        (ONE, "black and white", None),
        (ONE, "change the background to a beach", None),
    ],
)
def test_a_change_of_words_becomes_a_prompt_that_asks_for_them(
    before: str, text: str, after: str | None
) -> None:
    found = changed(text, lettering(before), is_latest=True)

    assert (found and prompt_for(found, "en")) == after
    if found and after:
        assert prompt_for(lettering(after), "en") == after


def test_a_colour_or_size_alone_is_about_words_that_are_the_latest_change() -> None:
    for text in ("красным", "bigger", "to the bottom"):
        assert changed(text, lettering(ONE), is_latest=True)
        assert changed(text, lettering(ONE), is_latest=False) is None


@pytest.mark.parametrize("language", ["ru", "en"])
def test_any_words_and_looks_survive_their_prompt(language: str) -> None:
    for words in ('He said "no"', "«ёлки»", "a / b, c: d", "наш отпуск 🎉", "שלום", "x" * 400):
        for look in ("", ", tiny blue script letters", ", huge letters"):
            found = lettering(f"write at the top “{words}”{look}")

            again = lettering(prompt_for(found, language))

            assert (again.parts, again.look, again.form) == (found.parts, found.look, found.form)


def test_polite_words_around_further_words_are_not_written() -> None:
    written = ChatState((ChatPicture("photo", Operation.EDIT, ("напиши «Люблю тебя»",)),))

    assert read("а с текстом МУР можно?", written, ROWS) == Order(Intent.CHANGE, "с текстом МУР")


@pytest.mark.parametrize("example", [each.text for row in ROWS for each in row.examples])
def test_changes_of_words_are_changes_where_a_picture_bears_them(example: str) -> None:
    written = ChatState((ChatPicture("b", Operation.EDIT, (ONE,)), ChatPicture("a")))

    assert read(example, written, ROWS) == Order(Intent.CHANGE, example)
    [row] = ROWS
    assert row.read(sentence_of(example), ChatState((ChatPicture("a"),))) is None


@pytest.mark.parametrize(
    "text", ["is it red?", "write to me when it is done", "напиши мне потом", "write me back later"]
)
def test_questions_and_what_is_written_to_somebody_change_no_words(text: str) -> None:
    written = ChatState((ChatPicture("1", operation=Operation.EDIT, words=('write "HI"',)),))
    [row] = ROWS

    assert row.read(sentence_of(text), written) is None
