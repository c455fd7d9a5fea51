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


_POINTING = re.compile(r"(?:it|this|that|them|so|это|этого|эту|так|его|её|ее|их)\W*", re.IGNORECASE)
_ENGLISH, _RUSSIAN = _pattern("en"), _pattern("ru")


def without_preamble(prompt: str) -> str:
    """Return the prompt without "listen, could you make me a picture where"; else as it is.

    A plain "draw a fox" stays: in Russian its noun would be left in the accusative.
    """
    found = _preamble_of(prompt)
    if found is None:
        return prompt
    rest = prompt[found.end() :].rstrip(" ?")
    if found["picture"] or not has_cyrillic(prompt):
        return rest
    return f"{_TABLES['drawing']['plain_ru']} {rest}"


def names_new_picture(prompt: str) -> bool:
    """Return true for "make me a picture where", which is about no other picture."""
    found = _preamble_of(prompt)
    return found is not None and bool(found["picture"])


def _preamble_of(prompt: str) -> re.Match[str] | None:
    found = (_RUSSIAN if has_cyrillic(prompt) else _ENGLISH).match(prompt)
    rest = prompt[found.end() :] if found else ""
    if found is None or not rest[:1].isalnum() or _POINTING.fullmatch(rest):
        return None
    # One part alone may begin any prompt: "Look at me", "a picture of a fox". So may "just do it".
    parts = (found["polite"], found["drawing"], found["picture"])
    return found if sum(map(bool, parts)) > 1 else None
