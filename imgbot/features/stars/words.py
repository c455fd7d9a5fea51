"""Words about buying pictures, and about money back. Pure."""

import re
from functools import cache, partial

from imgbot.domain.intents import Intent
from imgbot.domain.phrases import phrases_of
from imgbot.domain.words.chat import ChatState
from imgbot.domain.words.reading import Example, Sentence, Talk, WordReader


@cache
def _pattern(name: str) -> re.Pattern[str]:
    lists = phrases_of("imgbot.features.stars", "words")
    return re.compile(rf"(?:(?:{lists.named('leading')}) )*+(?:{lists.named(name)})")


def _read(name: str, sentence: Sentence, _: ChatState) -> Talk | None:
    return Talk(Intent.QUESTION, name) if _pattern(name).fullmatch(sentence.plain) else None


ROWS = (
    WordReader(
        "buy",
        "a wish to buy pictures",
        partial(_read, "buy"),
        (Example("I want to buy more"), Example("хочу купить картинки", "nothing")),
        is_first=True,
    ),
    WordReader(
        "refund",
        "a wish for money back",
        partial(_read, "refund"),
        (Example("верните деньги"), Example("I want a refund, please")),
        is_first=True,
    ),
)
