"""Naming: pictures by number, and by the name that people give them. Pure."""

from dataclasses import dataclass

from imgbot.domain.intents.facts import Intent
from imgbot.domain.spelling import has_cyrillic
from imgbot.domain.words.chat import ChatState
from imgbot.domain.words.name_phrases import (
    OTHER_ONE,
    NamePhrase,
    parts_in,
    phrases_in,
    with_article,
)
from imgbot.domain.words.numbers import Numbered, numbered_in
from imgbot.domain.words.picture_words import WORDS, PictureWords, concept, is_small
from imgbot.domain.words.reading import NamedBy, Sentence, Which, sentence_of

_SEPARATORS = " ,;:.!?—–-\n"


@dataclass(frozen=True, slots=True)
class PictureName:
    """Picture that a text names, and what the text says of it."""

    which: Which
    rest: Sentence
    """The text as it would be said of one picture alone; empty if it only names it."""
    is_certain: bool = True
    """False for words that may tell of this picture, or of a new one."""
    is_definite: bool = True
    """True for a name with "the"."""

    @property
    def alone(self) -> Intent | None:
        """Intent of a text that says no more than which picture: it is shown, or pointed at."""
        words = {each.text for each in self.rest.parsed.tokens if is_small(each)}
        if len(words) < len({each.text for each in self.rest.parsed.tokens}):
            return None
        if words & WORDS["showing"]:
            return Intent.SHOW
        return None if words & (WORDS["changing"] | WORDS["without"]) else Intent.POINTING


def named_picture(sentence: Sentence, chat: ChatState) -> PictureName | None:
    """Return the picture that a text names; None if it names none, or several.

    "The second one brighter" and "now the ship: make it bigger" are "it brighter" and "make it
    bigger" about that picture; "the ship needs a flag" stays as it is.
    """
    if len(chat.pictures) < 2:
        return None
    return _by_number(sentence, chat) or _by_name(sentence, chat)


def _by_number(sentence: Sentence, chat: ChatState) -> PictureName | None:
    found = numbered_in(sentence, len(chat.pictures))
    if len({each.number for each in found}) != 1:
        return None
    return PictureName(Which(NamedBy.NUMBER, found[0].number), _without(sentence, found[0]))


def _by_name(sentence: Sentence, chat: ChatState) -> PictureName | None:
    known = PictureWords(chat)
    phrases = list(phrases_in(sentence))
    named = [each for each in phrases if each.name == OTHER_ONE or known.best(each.name)]
    chosen = next(iter(named or [each for each in phrases if each.is_explicit]), None)
    if chosen:
        way = NamedBy.OTHER if chosen.name == OTHER_ONE else NamedBy.NAME
        return PictureName(Which(way, name=chosen.name), _without(sentence, chosen))
    return None if chat.replied else _by_part(sentence, chat, known)


def _by_part(sentence: Sentence, chat: ChatState, known: PictureWords) -> PictureName | None:
    """Return the picture that a thing in the text names, if this picture has no such thing."""
    tokens = sentence.parsed.tokens
    parts = list(parts_in(tokens))
    names = known.matching(concept(each.text) for each in parts)
    named = [each for each in parts if concept(each.text) in names]
    words = " ".join(each.text for each in named)
    is_of_this = chat.this and known.shows_any(chat.this, names.values())
    if not named or is_of_this or not known.best(words):
        return None
    at = tokens.index(named[0])
    start = with_article(at, tokens)
    rest = _without(sentence, NamePhrase(start, at + 1, words))
    which = Which(NamedBy.NAME, name=words)
    return PictureName(which, rest, is_certain=False, is_definite=start < at)


def _without(sentence: Sentence, named: NamePhrase | Numbered) -> Sentence:
    """Return what is said about the picture, as it would be said of one picture alone."""
    text, tokens = sentence.parsed.text, sentence.parsed.tokens
    start = tokens[named.start - 1].end if named.start else 0
    before, colon = text[:start].strip(_SEPARATORS + " "), text[tokens[named.end - 1].end :]
    after = colon.lstrip(_SEPARATORS)
    is_english = not has_cyrillic(before or after)
    is_object = is_english and bool(before or after) and not colon.startswith(":")
    return sentence_of(" ".join(filter(None, (before, "it" if is_object else "", after))))
