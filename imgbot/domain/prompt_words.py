"""Small words of prompts in both languages: what links, replaces and describes things. Pure."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files

from imgbot.domain.spelling import fold

TABLES = tomllib.loads((files("imgbot.domain") / "remix.toml").read_text("utf-8"))
WORD = re.compile(r"\w+(?:[-'’]\w+)*")

ATTRIBUTES, ANYWHERE = (
    {name: tuple(words.split()) for name, words in TABLES[table].items()}
    for table in ("before_a_thing", "anywhere")
)
"""Forms of words by what they tell of a picture: those before a thing, and those of any place."""

LINKS, ARTICLES, PRONOUNS = (
    frozenset(TABLES["words"][name].split()) for name in ("links", "articles", "pronouns")
)
JOINING = frozenset({"and", "or", "but", "и", "или", "но"})


def pattern(name: str, form: str = "{}") -> re.Pattern[str]:
    """Return a pattern of the tables, in a form around it."""
    return re.compile(form.format(TABLES["patterns"][name].replace("\n", "")), re.IGNORECASE)


def words_in(text: str) -> list[str]:
    return WORD.findall(fold(text))


def kind_of(word: str, kinds: Mapping[str, Sequence[str]]) -> str:
    """Return the kind that a word is of; empty if it is of none."""
    return next((kind for kind, forms in kinds.items() if _is_any(word, forms)), "")


def _is_any(word: str, forms: Sequence[str]) -> bool:
    return any(word.startswith(each[:-1]) if each[-1] == "*" else word == each for each in forms)


def without_article(words: str) -> str:
    first, _, rest = words.partition(" ")
    return rest if fold(first) in ARTICLES and rest else words
