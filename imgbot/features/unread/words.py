"""Words of languages that the bot does not read, and links, which it does not open. Pure."""

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from imgbot.domain.intents import Intent, PendingQuestion
from imgbot.domain.phrases import PhraseLists
from imgbot.domain.words.chat import ChatState
from imgbot.domain.words.reading import Example, Sentence, Talk, WordReader

LANGUAGE, LINK = "unread_language", "unread_link"

_LINK = re.compile(r"(?<!\w)(?:https?://|www\.|t\.me/)\S", re.IGNORECASE)
_WRITTEN = re.compile(
    r"[«“\"]|\b(?:text|write|caption|saying|says|надпис\w*|текст\w*|напиши|подпиши)\b",
    re.IGNORECASE,
)
"""What shows that something is to stand on the picture, in any language, or a link."""


@cache
def _table() -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads((files("imgbot.features.unread") / "languages.toml").read_text("utf-8"))


@cache
def _pattern(language: str, name: str) -> re.Pattern[str]:
    return PhraseLists(_table()["words"][language])[name]


def unread_in(text: str) -> str | None:
    """Return that a text's language is not read, in that language; empty where it has no sentence.

    None for a text that may be English or Russian.
    """
    if _WRITTEN.search(text):
        return None
    letters = Counter(unicodedata.name(each, "").split()[0] for each in text if each.isalpha())
    script = letters.most_common(1)[0][0] if letters else ""
    if script in _table()["scripts"]:
        return _table()["scripts"][script]
    plain = " ".join(re.findall(r"[^\W\d_]+", _plain(text)))
    if script == "LATIN" and not set(_table()["english"]).isdisjoint(plain.split()):
        return None
    found = (each for each in _table()["words"] if _shows(each, plain, script))
    return next((_table()["words"][each]["said"] for each in found), None)


def _plain(text: str) -> str:
    """Return the text in lower case, Latin letters without accents."""
    lowered = unicodedata.normalize("NFC", text.casefold()).replace("ı", "i")
    plain = (unicodedata.normalize("NFD", each)[0] if each < "\u0400" else each for each in lowered)
    return "".join(plain).replace("'", "").replace("’", "")


def _shows(language: str, plain: str, script: str) -> bool:
    """Return true if words show a language; Ukrainian is shown by its letters, too."""
    if (language == "uk") != (script == "CYRILLIC"):
        return False
    if script == "CYRILLIC" and re.search("[әғқңөұүһ]", plain):
        return False
    if _pattern(language, "sure").search(plain) or re.search("[іїєґ]", plain):
        return True
    few = set(_pattern(language, "few").findall(plain)) if language != "other" else set()
    return len(few) >= 3


def _read_language(sentence: Sentence, chat: ChatState) -> Talk | None:
    # What was asked for is drawn in any language: some providers read it.
    if chat.pending is PendingQuestion.PROMPT or unread_in(sentence.text) is None:
        return None
    return Talk(Intent.QUESTION, LANGUAGE)


def _read_link(sentence: Sentence, _: ChatState) -> Talk | None:
    is_written = _WRITTEN.search(sentence.text)
    return Talk(Intent.QUESTION, LINK) if _LINK.search(sentence.text) and not is_written else None


ROWS = (
    WordReader(
        LINK,
        "a link, which is no picture",
        _read_link,
        (
            Example("https://example.com/cat.jpg сделай ярче"),
            Example("https://youtu.be/x", "nothing"),
        ),
        is_first=True,
    ),
    WordReader(
        LANGUAGE,
        "a language that is not read",
        _read_language,
        (Example("dibuja un gato en la playa", "nothing"), Example("كيف حالك")),
    ),
)
