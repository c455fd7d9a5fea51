"""Subjects: all that the engine can draw, by name, with their words, sizes and anchors.

Figures of our own are SVG files in figures/; the others are Noto emoji in artwork.zip, listed by
index.tsv, both built by `make subjects`. A translator edits words.toml; subjects.toml tells where a
subject belongs and where its head, hands and seat are.
"""

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import NamedTuple

from imgbot.domain.intents.words import stem
from imgbot.domain.spelling import fold, has_cyrillic
from imgbot.painter.engine.tables import table

_FOLDER = files(__name__)
PHRASE_WORDS_MAX = 5
EXACT = "="
WORD = re.compile(r"[^\W\d_]+(?:[-'][^\W\d_]+)*|\d+|[^\w\s]")
# Endings of words too short for the stemmer ("льва", "псом").
_ENDING = re.compile("(?:ами|ями|ов|ев|ей|ам|ям|ах|ях|ой|ом|ем|ью|[аяыиуюеоьй])$")
# A vowel that other forms lose or gain: "огурец", "огурца"; "чашка", "чашек".
_LOSES = re.compile("([^аеиоуыэюя])ь?[ео]([^аеиоуыэюя])ь?$")
_GAINS = re.compile("([^аеиоуыэюяьй])ь?([кнлцрв])[аояе]$")


class Subject(NamedTuple):
    """Something to draw: its place in a scene, its height there in units, and fitting scenes."""

    name: str
    place: str
    height: float
    scenes: tuple[str, ...]
    group: str
    english: str
    russian: str
    prop: str = ""
    """Thing that identifies it: the ball of a football player."""

    def label(self, text: str) -> str:
        """The subject's name in the language of a text."""
        return self.russian if has_cyrillic(text) else self.english


class Meaning(NamedTuple):
    """Subject that a phrase names; it only stands in for the phrase if that has no drawing."""

    name: str
    is_rough: bool


def key_of(word: str) -> str:
    """Key of a word, the same for its forms."""
    word = fold(word)
    key = stem(word)
    if has_cyrillic(key):
        is_short = key == word and len(key) > 3
        return _ENDING.sub("", key) if is_short else key.removesuffix("ь")
    return key.removesuffix("'s")


def phrase_keys(phrase: str) -> Iterator[str]:
    """Keys that the forms of a phrase may have."""
    words = WORD.findall(fold(phrase))
    yield from (" ".join(keys) for keys in product(*map(_forms, words)))


def _forms(word: str) -> tuple[str, ...]:
    forms = {key_of(word): None}
    if has_cyrillic(word):
        lost, gained = _LOSES.sub(r"\1\2", word), _GAINS.sub(r"\1*\2", word)
        # "Огонек", "огонька".
        forms |= dict.fromkeys((key_of(lost), key_of(_LOSES.sub(r"\1ь\2", word))))
        if gained != word:
            forms |= dict.fromkeys(gained.replace("*", vowel) for vowel in "ео")
        # The stemmer takes some words for other forms: "диван" for a participle.
        base = word.rstrip("аяоеь")
        forms |= dict.fromkeys(key_of(base + ending) for ending in ("а", "у", "е", "ом"))
        if word.endswith("й"):
            forms |= dict.fromkeys(
                key_of(word[:-1] + ending) for ending in ("я", "ю", "е", "ем", "и", "ев")
            )
        if word.endswith("енок"):
            forms[key_of(f"{word.removesuffix('енок')}ята")] = None
    elif word.endswith("man"):
        forms[key_of(f"{word.removesuffix('man')}men")] = None
    elif word.endswith(("f", "ife")):
        forms[key_of(f"{word.rstrip('fe')}ves")] = None
    return tuple(forms)


@cache
def _index() -> Mapping[str, Sequence[str]]:
    lines = (_FOLDER / "index.tsv").read_text("utf-8").splitlines()
    return {name: rest for name, *rest in (line.split("\t") for line in lines)}


@cache
def subject_of(name: str) -> Subject:
    """The subject of this name; after a `+` in it, what it holds or wears."""
    tables = table("subjects/subjects")
    plain, _, prop = name.partition("+")
    group, english, russian, _ = _index().get(plain, ("", "", "", ""))
    for number, forms in enumerate(table("subjects/words")["words"].get(name, "").split("|")):
        first = forms.partition(",")[0].strip()
        if first and not first.startswith("~"):
            english, russian = (english, first) if number else (first, russian)
    place, height, *scenes = tables["subjects"].get(plain, tables["groups"].get(group, "")).split()
    return Subject(plain, place, float(height), tuple(scenes), group, english, russian, prop)


@cache
def subject_names() -> tuple[str, ...]:
    """Names of all subjects."""
    own = (Path(str(each)).stem for each in (_FOLDER / "figures").iterdir())
    return tuple(dict.fromkeys([*sorted(own), *_index()]))


@cache
def known_phrases() -> Mapping[str, Meaning]:
    """Meanings of phrases by their keys: labels of the emoji, then the reviewed words.

    A phrase as it is written, after EXACT, wins over others with its key ("такси", "такса").
    """
    found: dict[str, Meaning] = {}
    labels: list[tuple[str, str, Meaning]] = []
    for name, (_, english, russian, listed) in _index().items():
        meaning, keys = Meaning(name, is_rough=False), listed.split(",")
        found |= {key: meaning for key in keys if key not in found}
        labels += [(english, keys[0], meaning)]
        labels += [(russian, key, meaning) for key in keys if has_cyrillic(key)][:1]
    # The dictionary form of a word wins over the forms of others.
    found |= {key: meaning for _, key, meaning in labels if key}
    exact: dict[str, Meaning] = {}
    for name, words in table("subjects/words")["words"].items():
        for phrase in re.split("[,|]", words):
            form = phrase.strip()
            meaning = Meaning(name, form.startswith("~"))
            found.update(dict.fromkeys(phrase_keys(form.strip("~")), meaning))
            exact[EXACT + fold(form.strip("~"))] = meaning
    named = {EXACT + label: meaning for label, key, meaning in labels if found.get(key) == meaning}
    return {**found, **named, **exact}


def artwork(name: str) -> str:
    """SVG drawing of a subject, of one of its variants, or of a body."""
    for own in (_FOLDER / "figures" / f"{name}.svg", _FOLDER / f"{name}.svg"):
        if own.is_file():
            return own.read_text("utf-8")
    return _archive().read(name).decode()


@cache
def has_own_drawing(name: str) -> bool:
    """True if the subject is a figure of our own."""
    return (_FOLDER / "figures" / f"{name}.svg").is_file()


def has_artwork(name: str) -> bool:
    """True if artwork.zip has a drawing of this name."""
    return name in _archive().NameToInfo


@cache
def _archive() -> zipfile.ZipFile:
    # A file descriptor inherited by forked workers would share its position.
    import io  # noqa: PLC0415

    return zipfile.ZipFile(io.BytesIO((_FOLDER / "artwork.zip").read_bytes()))
