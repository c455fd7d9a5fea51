"""Sentences that users read, in Russian and English: `ru.toml` and `en.toml`.

Those of a feature are in its folder, in files of the same names.
"""

import math
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = ("ru", "en")


@cache
def tables(language: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the texts of a language by table and key. Raises ValueError for one that is twice."""
    folders = [files("imgbot.domain.texts"), *(files("imgbot") / "features").iterdir()]
    found: dict[str, dict[str, Any]] = {}
    for file in (folder / f"{language}.toml" for folder in folders):
        texts = tomllib.loads(file.read_text("utf-8")) if file.is_file() else {}
        for name, table in texts.items():
            known = found.setdefault(name, {})
            if twice := known.keys() & table.keys():
                raise ValueError(f"texts that are there twice: {', '.join(sorted(twice))}")
            known.update(table)
    return found


# Languages whose speakers usually read Russian more easily than English.
_READ_RUSSIAN = frozenset({"ru", "be", "uk", "kk", "ky", "uz", "tg", "hy", "az"})


def language_of(code: str | None) -> str:
    """Return the language for a user whose Telegram client is set to `code`."""
    return "ru" if (code or "").split("-")[0].lower() in _READ_RUSSIAN else "en"


# Words that are not the user's own: links, names, commands, options, quotations.
_NOT_PLAIN = re.compile(r"https?://\S+|(?<!\S)(?:[@/]|--|—)\w\S*|«[^«»]*»|“[^“”]*”|\"[^\"]*\"")
_RUSSIAN_WORD = re.compile(r"(?<!\w)[а-яё]+(?!\w)")
_OTHER_CYRILLIC = re.compile(r"[\u0400-\u052f]")
_LATIN_WORD = re.compile(r"(?<!\w)[a-z]+(?!\w)")
_ENGLISH_WORDS = 4
"""Words that show English; fewer may be a name, or a short prompt."""


def language_after(written: str, text: str) -> str:
    """Return what is known of the user's language after one more text of theirs, if anything.

    Russian words show Russian at once, English ones in a sentence alone.
    """
    plain = _NOT_PLAIN.sub(" ", text.lower())
    russian, latin = len(_RUSSIAN_WORD.findall(plain)), len(_LATIN_WORD.findall(plain))
    if russian and russian >= latin and not _OTHER_CYRILLIC.search(re.sub("[а-яё]", "", plain)):
        return "ru"
    return written if latin < _ENGLISH_WORDS or _OTHER_CYRILLIC.search(plain) else "en"


def t(language: str, key: str, /, **facts: str | int | float) -> str:
    """Return the sentence `key` with its facts. Raises KeyError on an unknown key."""
    return tables(language)["sentences"][key].format_map(facts)


def has_text(key: str) -> bool:
    return key in tables("ru")["sentences"]


def counted(language: str, unit: str, count: int) -> str:
    """Return a number with its unit, from the table of units."""
    return f"{count} {plural(language, count, *tables(language)['units'][unit])}"


def approx(language: str, seconds: int) -> str:
    """Return a rounded duration in the form that goes after "about" ("около")."""
    if seconds < 90:
        return counted(language, "about_seconds", seconds)
    return counted(language, "about_minutes", round(seconds / 60))


def in_time(language: str, seconds: int) -> str:
    """Return a duration, rounded up, in the form that goes after "in" ("через")."""
    unit, unit_s = _unit_of(seconds)
    return counted(language, unit, -(-seconds // unit_s))


def ago(language: str, seconds: int) -> str:
    """Return a duration, rounded down, in the form that goes before "ago" ("назад")."""
    unit, unit_s = _unit_of(seconds)
    return counted(language, unit, seconds // unit_s)


_UNITS = (
    (90, "seconds", 1),
    (5400, "minutes", 60),
    (2 * 86_400, "hours", 3600),
    (math.inf, "days", 86_400),
)
"""Units of durations that are shorter than the first number of seconds."""


def _unit_of(seconds: int) -> tuple[str, int]:
    return next((unit, unit_s) for below_s, unit, unit_s in _UNITS if seconds < below_s)


def dollars(micro: int) -> str:
    """Return money as $0.84, rounded down."""
    return f"${micro // 10_000 / 100:.2f}"


def price(micro: int) -> str:
    """Return a price as $0.04 or $0.0025, exactly."""
    whole, _, part = f"{micro / 1_000_000:.6f}".partition(".")
    return f"${whole}.{part.rstrip('0').ljust(2, '0')}"


def plural(language: str, count: int, one: str, few: str, many: str) -> str:
    """Choose the form that goes with `count`, by the plural rules of the language."""
    if language == "en":
        return one if count == 1 else many
    if count % 10 == 1 and count % 100 != 11:
        return one
    if count % 10 in {2, 3, 4} and count % 100 not in {12, 13, 14}:
        return few
    return many
