"""Which whole messages are no request, and which words ask for a larger picture."""

import pytest

from imgbot.conversation.enlarging import is_enlargement, is_retouch
from imgbot.conversation.meaning import Meaning, meaning_of


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("Отмена", Meaning.CANCEL),
        ("стоп!", Meaning.CANCEL),
        ("Stop.", Meaning.CANCEL),
        ("хорошо, отмена", Meaning.CANCEL),
        ("Помощь", Meaning.HELP),
        ("что ты умеешь?", Meaning.HELP),
        ("спасибо! А что ты умеешь?", Meaning.REQUEST),
        ("спасибо! что ты умеешь?", Meaning.HELP),
        ("бот, помоги", Meaning.HELP),
        ("верни всё как было", Meaning.UNDO),
        ("Undo", Meaning.UNDO),
        ("спасибо 🙏", Meaning.PLEASANTRY),
        ("❤️", Meaning.PLEASANTRY),
        ("👍🏽👍🏽", Meaning.PLEASANTRY),
        ("Привет, бот", Meaning.PLEASANTRY),
        ("Hi there", Meaning.PLEASANTRY),
        ("клёво))", Meaning.PLEASANTRY),
        ("!!!", Meaning.PLEASANTRY),
        ("Вот, пожалуйста", Meaning.POINTING),
        ("вот моё фото", Meaning.POINTING),
        ("Here it is!", Meaning.POINTING),
        ("вот такая лиса", Meaning.REQUEST),
        ("", Meaning.REQUEST),
        ("🦊🌲", Meaning.REQUEST),
        ("👍🦊", Meaning.REQUEST),
        ("стоп-кадр из фильма", Meaning.REQUEST),
        ("знак «стоп»", Meaning.REQUEST),
        ("привет, лиса", Meaning.REQUEST),
        ("a bus stop", Meaning.REQUEST),
        ("стоп, помощь", Meaning.REQUEST),
    ],
)
def test_whole_messages_are_read(words: str, meaning: Meaning) -> None:
    assert meaning_of(words) is meaning


@pytest.mark.parametrize("words", ["🦊🌲", "🎉", "))"])
def test_emoji_alone_about_a_picture_are_a_reaction(words: str) -> None:
    assert meaning_of(words, is_about_picture=True) is Meaning.PLEASANTRY


@pytest.mark.parametrize(
    "words",
    [
        "увеличь", "Увеличь в 2 раза!", "увеличь в четыре раза", "увеличь это фото, пожалуйста",
        "сделай картинку побольше", "в 2 раза больше", "upscale x4", "make it bigger", "enlarge",
        "x4", "×2", "4k", "twice as big", "upscale to 4K please",
    ],
)  # fmt: skip
def test_words_that_only_ask_for_a_larger_picture(words: str) -> None:
    assert is_enlargement(words)


@pytest.mark.parametrize(
    "words",
    [
        "", "увеличь глаза", "увеличь яркость в 2 раза", "увеличь в 3 раза", "больше", "bigger",
        "два", "4", "два фото", "make it warmer", "make the cat bigger", "make it", "два кота",
        "x4 wheel drive",
        "увеличь " * 200,
    ],
)  # fmt: skip
def test_words_that_ask_for_more_than_that(words: str) -> None:
    assert not is_enlargement(words)


@pytest.mark.parametrize(
    ("words", "is_meant"),
    [
        ("retouch", True), ("Retouch this photo, please!", True), ("restore", True),
        ("can you retouch it?", True), ("ретушь", True), ("Отретушируй, пожалуйста", True),
        ("восстанови фото", True), ("сделай ретушь", True),
        ("", False), ("photo", False), ("retouch the sky in red", False), ("фото", False),
        ("восстанови руку", False), ("improve", False), ("please " * 500, False),
    ],
)  # fmt: skip
def test_words_that_only_ask_for_a_retouch(words: str, *, is_meant: bool) -> None:
    assert is_retouch(words) is is_meant
