"""Which whole messages are no request, and which words ask for a larger picture."""

from imgbot.bot.intents import Intent, classify_intent
from imgbot.bot.upscale_phrases import is_upscale_request, operation_in
from imgbot.domain.operations import Operation

INTENTS = [
    ("Отмена", Intent.CANCEL),
    ("стоп!", Intent.CANCEL),
    ("Stop.", Intent.CANCEL),
    ("хорошо, отмена", Intent.CANCEL),
    ("Помощь", Intent.HELP),
    ("что ты умеешь?", Intent.HELP),
    ("спасибо! А что ты умеешь?", Intent.REQUEST),
    ("спасибо! что ты умеешь?", Intent.HELP),
    ("бот, помоги", Intent.HELP),
    ("верни всё как было", Intent.UNDO),
    ("Undo", Intent.UNDO),
    ("спасибо 🙏", Intent.SMALL_TALK),
    ("❤️", Intent.SMALL_TALK),
    ("👍🏽👍🏽", Intent.SMALL_TALK),
    ("Привет, бот", Intent.SMALL_TALK),
    ("Hi there", Intent.SMALL_TALK),
    ("клёво))", Intent.SMALL_TALK),
    ("!!!", Intent.SMALL_TALK),
    ("Вот, пожалуйста", Intent.POINTING),
    ("вот моё фото", Intent.POINTING),
    ("Here it is!", Intent.POINTING),
    ("вот такая лиса", Intent.REQUEST),
    ("", Intent.REQUEST),
    ("🦊🌲", Intent.REQUEST),
    ("👍🦊", Intent.REQUEST),
    ("стоп-кадр из фильма", Intent.REQUEST),
    ("знак «стоп»", Intent.REQUEST),
    ("привет, лиса", Intent.REQUEST),
    ("a bus stop", Intent.REQUEST),
    ("стоп, помощь", Intent.REQUEST),
]


def test_whole_messages_have_an_intent() -> None:
    for words, meaning in INTENTS:
        assert classify_intent(words) is meaning, words
    # Emoji alone about a picture are a reaction.
    for words in ("🦊🌲", "))"):
        assert classify_intent(words, is_about_picture=True) is Intent.SMALL_TALK


UPSCALES = [
    "увеличь", "Увеличь в 2 раза!", "увеличь в четыре раза", "увеличь это фото, пожалуйста",
    "сделай картинку побольше", "в 2 раза больше", "upscale x4", "make it bigger", "enlarge",
    "x4", "×2", "4k", "twice as big", "upscale to 4K please",
]  # fmt: skip


NO_UPSCALES = [
    "", "увеличь глаза", "увеличь яркость в 2 раза", "увеличь в 3 раза", "больше", "bigger",
    "два", "4", "два фото", "make it warmer", "make the cat bigger", "make it", "два кота",
    "x4 wheel drive",
    "увеличь " * 200,
]  # fmt: skip


def test_words_that_only_ask_for_a_larger_picture() -> None:
    for words in UPSCALES:
        assert is_upscale_request(words), words
    for words in NO_UPSCALES:
        assert not is_upscale_request(words), words


RETOUCHES = [
    ("retouch", True), ("Retouch this photo, please!", True), ("restore", True),
    ("can you retouch it?", True), ("ретушь", True), ("Отретушируй, пожалуйста", True),
    ("восстанови фото", True), ("сделай ретушь", True),
    ("", False), ("photo", False), ("retouch the sky in red", False), ("фото", False),
    ("восстанови руку", False), ("improve", False), ("please " * 500, False),
]  # fmt: skip


REMOVALS = [
    ("remove the background", True), ("Please, remove the background from this photo!", True),
    ("make the background transparent", True), ("no background", True), ("Убери фон", True),
    ("вырежи фон на этом фото, пожалуйста", True), ("без фона", True),
    ("сделай прозрачный фон", True), ("сделай фон прозрачным", True),
    ("remove the cat from the background", False), ("blur the background", False),
    ("убери фон и сделай теплее", False), ("фон", False), ("убери людей", False),
    ("убери фон " * 100, False),
]  # fmt: skip


def test_words_that_only_ask_for_a_retouch_or_for_the_background_to_go() -> None:
    for known, operation in (
        (RETOUCHES, Operation.RETOUCH),
        (REMOVALS, Operation.REMOVE_BACKGROUND),
    ):
        for words, is_meant in known:
            assert operation_in(words) is (operation if is_meant else None), words
