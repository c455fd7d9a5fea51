"""Sentences that users read, in Russian and English.

Rule: both languages have the same keys with the same facts; a test checks it. A sentence
says what happened, whether it cost anything, and what to do next.
"""

import re
from collections.abc import Mapping

from imgbot.domain.texts import en, ru

LANGUAGES = ("ru", "en")

_TEXTS: Mapping[str, Mapping[str, str]] = {"ru": ru.TEXTS, "en": en.TEXTS}
_SECONDS = {"ru": ru.SECONDS, "en": en.SECONDS}
_MINUTES = {"ru": ru.MINUTES, "en": en.MINUTES}
_HOURS = {"ru": ru.HOURS, "en": en.HOURS}
_DAYS = {"ru": ru.DAYS, "en": en.DAYS}
_PEOPLE = {"ru": ru.PEOPLE, "en": en.PEOPLE}
_TO_PEOPLE = {"ru": ru.TO_PEOPLE, "en": en.PEOPLE}
_ABOUT_SECONDS = {"ru": ru.ABOUT_SECONDS, "en": en.SECONDS}
_ABOUT_MINUTES = {"ru": ru.ABOUT_MINUTES, "en": en.MINUTES}

# Languages whose speakers usually read Russian more easily than English.
_READ_RUSSIAN = frozenset({"ru", "be", "uk", "kk", "ky", "uz", "tg", "hy", "az"})


def language_of(code: str | None) -> str:
    """Return the language for a user whose Telegram client is set to `code`."""
    return "ru" if (code or "").split("-")[0].lower() in _READ_RUSSIAN else "en"


# Words that are not the user's own: links, names, commands, options, quotations.
_NOT_PLAIN = re.compile(r"https?://\S+|(?<!\S)(?:[@/]|--|—)\w\S*|«[^»]*»|“[^”]*”|\"[^\"]*\"")
_RUSSIAN_WORD = re.compile(r"(?<!\w)[а-яё]+(?!\w)")
_OTHER_CYRILLIC = re.compile(r"[\u0400-\u052f]")
_LATIN_WORD = re.compile(r"(?<!\w)[a-z]+(?!\w)")
_ENGLISH_WORDS = range(2, 16)
"""Number of words that show English: one may be a name, and a long prompt a copy."""
_DOUBT = "?"


def language_after(written: str, text: str) -> str:
    """Return what is known of the user's language after one more text of theirs.

    That is a language, or nothing; with a question mark after one English text. Russian words show
    Russian at once, English ones only in two texts: names and prompts are English in any language.
    """
    plain = _NOT_PLAIN.sub(" ", text.lower())
    russian, latin = len(_RUSSIAN_WORD.findall(plain)), len(_LATIN_WORD.findall(plain))
    if russian and russian >= latin and not _OTHER_CYRILLIC.search(re.sub("[а-яё]", "", plain)):
        return "ru"
    if latin not in _ENGLISH_WORDS or _OTHER_CYRILLIC.search(plain) or written == "en":
        return written
    return "en" if written.endswith(_DOUBT) else written + _DOUBT


def t(language: str, key: str, /, **facts: str | int | float) -> str:
    """Return the sentence `key` with its facts. Raises KeyError on an unknown key."""
    return _TEXTS[language][key].format_map(facts)


def has_text(key: str) -> bool:
    """Return true if there is a sentence `key`."""
    return key in ru.TEXTS


def seconds(language: str, count: int) -> str:
    """Return `count` seconds in words, with the right plural."""
    one, few, many = _SECONDS[language]
    return f"{count} {plural(language, count, one, few, many)}"


def approx(language: str, seconds: int) -> str:
    """Return a rounded duration in the form that goes after "about" ("около")."""
    minutes = round(seconds / 60)
    count, forms = (minutes, _ABOUT_MINUTES) if seconds >= 90 else (seconds, _ABOUT_SECONDS)
    one, few, many = forms[language]
    return f"{count} {plural(language, count, one, few, many)}"


def in_time(language: str, seconds: int) -> str:
    """Return a duration, rounded up, in the form that goes after "in" ("через")."""
    unit_s, forms = _unit_of(seconds)
    return _counted(language, -(-seconds // unit_s), forms)


def ago(language: str, seconds: int) -> str:
    """Return a duration, rounded down, in the form that goes before "ago" ("назад")."""
    unit_s, forms = _unit_of(seconds)
    return _counted(language, seconds // unit_s, forms)


def _unit_of(seconds: int) -> tuple[int, Mapping[str, tuple[str, str, str]]]:
    if seconds < 90:
        return 1, _SECONDS
    if seconds < 5400:
        return 60, _MINUTES
    return (3600, _HOURS) if seconds < 2 * 86_400 else (86_400, _DAYS)


def _counted(language: str, count: int, forms: Mapping[str, tuple[str, str, str]]) -> str:
    return f"{count} {plural(language, count, *forms[language])}"


def count_users(language: str, count: int) -> str:
    """Return a number of users in words."""
    return _counted(language, count, _PEOPLE)


def to_users(language: str, count: int) -> str:
    """Return a number of users in the form that goes after "to"."""
    return _counted(language, count, _TO_PEOPLE)


def dollars(micro: int) -> str:
    """Return money as $0.84, rounded down."""
    return f"${micro // 10_000 / 100:.2f}"


def plural(language: str, count: int, one: str, few: str, many: str) -> str:
    """Choose the form that goes with `count`, by the plural rules of the language."""
    if language == "en":
        return one if count == 1 else many
    if count % 10 == 1 and count % 100 != 11:
        return one
    if count % 10 in {2, 3, 4} and count % 100 not in {12, 13, 14}:
        return few
    return many
