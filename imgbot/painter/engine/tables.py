"""Words and phrases of the engine, in Russian and English: TOML files of this folder."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from imgbot.domain.phrases import PhraseLists

# Patterns that a list may name: what is measured rather than worded; as few words as possible.
_PATTERNS = {
    "number": r"\d{1,4}",
    "ratio": r"\d{1,2}:\d{1,2}",
    "words": r"\w[\w ]*?",
    "words_any": r".*",
}


@cache
def table(file: str) -> Mapping[str, Any]:
    """Tables of a file, by its name without `.toml`."""
    return tomllib.loads((files("imgbot.painter.engine") / f"{file}.toml").read_text("utf-8"))


def phrase_lists(file: str, **patterns: str) -> PhraseLists:
    """Lists of phrases of a file; `patterns` are further ones that they may name."""
    colour = "|".join(pattern for _, pattern in table("colours").values())
    return PhraseLists(table(file)["lists"], colour=colour, **_PATTERNS, **patterns)
