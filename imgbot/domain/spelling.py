"""Spelling: letters folded, slips of the pen, similar words. Pure.

rapidfuzz is imported on first need: 15 ms and 6 MB, for words that are not listed.
"""

import re
import unicodedata
from collections.abc import Sequence

# Alone of all letters, "İ" would become two in lower case. Patterns without case find the others,
# too: what they find is looked up in tables.
_LIKE_OTHERS = zip("İıſ\u1c80\u1c81\u1c82\u1c83\u1c84\u1c85\u1c86", "Iisвдосттъ", strict=True)
_PLAIN = str.maketrans({**dict(_LIKE_OTHERS), **dict.fromkeys("´`‘’ʼ＇", "'")})
_CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)


def fold(text: str) -> str:
    """Return the text in lower case without «ё», at the same length."""
    return text.translate(_PLAIN).lower().replace("ё", "е")


def has_cyrillic(text: str) -> bool:
    return _CYRILLIC.search(text) is not None


def isolated(text: str) -> str:
    """Return the text; one that runs from right to left does not turn what stands around it."""
    is_reversed = any(unicodedata.bidirectional(char) in {"R", "AL"} for char in text)
    return f"\u200e\u2068{text}\u2069" if is_reversed else text


def slips_of(word: str, listed: Sequence[str], most: int = 1) -> list[str]:
    """Return the listed words that `word` may be a slip of, the nearest first.

    A slip adds, omits, swaps or mistakes a letter; a listed word is none, and its own. Another
    first letter makes another word ("farmer", "warmer"), unless it is swapped with the next.
    """
    from rapidfuzz import process  # noqa: PLC0415
    from rapidfuzz.distance import OSA  # noqa: PLC0415

    found = process.extract(word, listed, scorer=OSA.distance, score_cutoff=most, limit=None)
    return [near for near, *_ in found if near[0] == word[0] or sorted(near) == sorted(word)]


def similar(word: str, listed: Sequence[str], limit: int, least: float = 0.6) -> list[str]:
    """Return the listed words that share so many letters (0 to 1), the most similar first."""
    from rapidfuzz import process  # noqa: PLC0415
    from rapidfuzz.distance import Indel  # noqa: PLC0415

    scorer = Indel.normalized_similarity
    found = process.extract(word, listed, scorer=scorer, score_cutoff=least, limit=limit)
    return [near for near, *_ in found]
