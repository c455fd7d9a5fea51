"""Operations in words: upscaling, cut-out, retouch, merge, sticker. Pure."""

import re

from imgbot.domain.intents import Intent, scale_in
from imgbot.domain.intents.words import Token
from imgbot.domain.operations import Operation
from imgbot.domain.phrases import PhraseLists, phrases_of
from imgbot.domain.words.chat import PICTURES_KEPT, ChatState
from imgbot.domain.words.naming import several_named
from imgbot.domain.words.reading import (
    Example,
    NamedBy,
    Order,
    Sentence,
    Which,
    WordReader,
    sentence_of,
)
from imgbot.domain.words.vocabulary import WORDS

_LONGEST = 14
"""Words of a text that is about one operation; a longer one tells more than its name."""


_LEADS = re.compile(
    r"(?:please|can|could|you|make|draw|create|do|me|us|an?|nice|small|big"
    r"|сделай(?:те)?|нарисуй(?:те)?|собери|создай|хочу|мне|нам|красивый|пожалуйста|\W)*"
)
"""What may stand before "collage of …": "I made a collage of leaves" asks for nothing."""


def _lists() -> PhraseLists:
    return phrases_of("imgbot.domain.words", "operations")


def _has(name: str, sentence: Sentence) -> bool:
    return _lists()[name].search(sentence.normal) is not None


def _is_short(sentence: Sentence, chat: ChatState) -> bool:
    """Return true for words about a picture that there is, and not for a prompt."""
    is_about = chat.this is not None and len(sentence.parsed.tokens) <= _LONGEST
    return is_about and not _has("draw", sentence) and not _has("told", sentence)


def _order(operation: Operation, sentence: Sentence, scale: int | None = None) -> Order:
    return Order(Intent.OPERATION, sentence.text, operation=operation, scale=scale)


def _sticker(sentence: Sentence, chat: ChatState) -> Order | None:
    is_asked = _is_short(sentence, chat) and _has("sticker", sentence)
    return _order(Operation.STICKER, sentence) if is_asked and not _has("part", sentence) else None


def _cutout(sentence: Sentence, chat: ChatState) -> Order | None:
    is_asked = _is_short(sentence, chat) and _has("cutout", sentence)
    if not is_asked or _has("new_background", sentence):
        return None
    return _order(Operation.REMOVE_BACKGROUND, sentence)


def _upscale(sentence: Sentence, chat: ChatState) -> Order | None:
    if not _is_short(sentence, chat) or not _is_larger(sentence):
        return None
    return _order(Operation.UPSCALE, sentence, scale_in(sentence.text))


def _is_larger(sentence: Sentence) -> bool:
    if _has("resolution", sentence):
        return True
    if _has("larger", sentence) and _has("purpose", sentence):
        return True
    return _lists()["enlarge_it"].fullmatch(sentence.normal.strip(" ,")) is not None


def _retouch(sentence: Sentence, chat: ChatState) -> Order | None:
    if not _is_short(sentence, chat) or any(each.operation for each in chat.pictures[:1]):
        return None
    is_damage = _has("damage", sentence) and _has("mend", sentence)
    is_asked = is_damage or _has("restore", sentence)
    return _order(Operation.RETOUCH, sentence) if is_asked else None


def _is_new_collage(names: str, chat: ChatState) -> bool:
    """Return true for "a collage of autumn leaves", of no pictures or photos that there are."""
    are_photos = any(each.operation is None for each in chat.pictures[:1])
    named = sentence_of(names)
    is_of_these = are_photos or any(map(_is_picture, named.parsed.tokens))
    return not is_of_these and several_named(named, chat) is None


def _is_picture(token: Token) -> bool:
    return token.text in WORDS["thing"] | WORDS["this"] | WORDS["every"] | WORDS["placed"]


def _merge(sentence: Sentence, chat: ChatState) -> Order | None:
    is_asked = _is_short(sentence, chat) and _has("together", sentence)
    of_things = _lists()["collage_of"].search(sentence.normal) if is_asked else None
    if of_things and not _LEADS.fullmatch(sentence.normal[: of_things.start()]):
        return None
    if of_things and _is_new_collage(sentence.normal[of_things.end() :], chat):
        return Order(Intent.CREATE, sentence.text)
    if not is_asked or len(chat.pictures) < 2:
        return None
    counts = ((4, "four"), (3, "three"), (2, "two"), (PICTURES_KEPT, "all"))
    count = next((n for n, name in counts if _has(name, sentence)), 0)
    # "Both of us on this one" is three pictures.
    count += count == 2 and _has("onto_this", sentence)
    which = Which(NamedBy.ALL, count)
    return Order(Intent.OPERATION, sentence.text, which, Operation.MERGE)


ROWS = (
    WordReader(
        "sticker",
        "a sticker of this picture",
        _sticker,
        (Example("the wolf as a sticker"), Example("из рыжего стикер!")),
    ),
    WordReader(
        "merge",
        "several pictures in one, or a new collage",
        _merge,
        (Example("put them together", "several"), Example("всех троих у костра", "several")),
    ),
    WordReader(
        "cut-out",
        "this picture without its background",
        _cutout,
        (Example("cut him out"), Example("фон к чертям убери")),
    ),
    WordReader(
        "retouch",
        "damage of a photo that is to go",
        _retouch,
        (Example("take the creases out", "photo"), Example("можно трещины убрать?", "photo")),
    ),
    WordReader(
        "upscale",
        "a larger or sharper picture",
        _upscale,
        (Example("bigger for the shop wall"), Example("малиновый теперь в 4к")),
    ),
)
