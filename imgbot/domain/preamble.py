"""Preamble: the polite or clumsy beginning of a prompt, which is no part of it. Pure."""

import re
import tomllib
from importlib.resources import files

from imgbot.domain.spelling import has_cyrillic

_TABLES = tomllib.loads((files("imgbot.domain") / "preamble.toml").read_text("utf-8"))


def _pattern(language: str) -> re.Pattern[str]:
    polite, drawing, picture = (
        _TABLES[table][language].replace("\n", "") for table in ("polite", "drawing", "picture")
    )
    return re.compile(
        rf"(?P<polite>(?:(?:{polite})[\s,!:.]+)*+)(?P<drawing>{drawing})?(?P<picture>{picture})?",
        re.IGNORECASE,
    )


_ENGLISH, _RUSSIAN = _pattern("en"), _pattern("ru")


def without_preamble(prompt: str) -> str:
    """Return the prompt without "listen, could you make me a picture where"; else as it is.

    A plain "draw a fox" stays: in Russian its noun would be left in the accusative.
    """
    is_russian = has_cyrillic(prompt)
    found = (_RUSSIAN if is_russian else _ENGLISH).match(prompt)
    if found is None:
        return prompt
    parts = [found["polite"], found["drawing"], found["picture"]]
    rest = prompt[found.end() :].rstrip(" ?")
    # One alone may begin any prompt: "Look at me", "a picture of a fox".
    if len([*filter(None, parts)]) < 2 or not rest[:1].isalnum():
        return prompt
    if is_russian and not found["picture"]:
        return f"{_TABLES['drawing']['plain_ru']} {rest}"
    return rest
