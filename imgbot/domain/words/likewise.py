"""Likewise: the latest change, for another part or picture: "the handle, too". Pure."""

from itertools import pairwise

from imgbot.domain.intents.facts import Intent
from imgbot.domain.operations import Operation
from imgbot.domain.words.chat import ChatPicture, ChatState
from imgbot.domain.words.reading import (
    THIS,
    Example,
    NamedBy,
    Order,
    Sentence,
    Which,
    WordReader,
)
from imgbot.domain.words.vocabulary import WORDS, is_small

_LONGEST, _PARTS_MOST = 7, 3
_FOR_EACH = frozenset(
    {Operation.STICKER, Operation.REMOVE_BACKGROUND, Operation.UPSCALE, Operation.RETOUCH}
)
"""Operations without words, which another picture may be given likewise."""


def _read(sentence: Sentence, chat: ChatState) -> Order | None:
    latest = chat.pictures[0] if chat.pictures else None
    if latest is None or not latest.parent or chat.this is None:
        return None
    if not _is_likewise(sentence) and not _is_of_other(sentence, latest):
        return None
    if latest.operation in _FOR_EACH and latest is not chat.this:
        return Order(Intent.OPERATION, sentence.text, operation=latest.operation)
    change = latest.words[-1].rstrip(" ,;.!") if latest.words else ""
    if latest.operation is not Operation.EDIT or not change:
        return None
    return Order(Intent.CHANGE, f"{change}, {sentence.text}", _own(sentence, chat))


def _is_likewise(sentence: Sentence) -> bool:
    """Return true for parts alone, with "too": nothing is said of them."""
    small = {each.text for each in sentence.parsed.tokens if is_small(each)}
    parts = [each for each in sentence.parsed.tokens if not is_small(each)]
    is_long = len(sentence.parsed.tokens) > _LONGEST or len(parts) > _PARTS_MOST
    if (
        is_long
        or _is_degree(sentence)
        or sentence.parsed.asks
        or not WORDS["said"].issuperset(small)
    ):
        return False
    return bool(small & WORDS["likewise"]) and bool(parts or small & WORDS["my"])


def _is_degree(sentence: Sentence) -> bool:
    """Return true for "too dark", which is a complaint."""
    return any(
        one.text == "too" and not is_small(after) and one.clause == after.clause
        for one, after in pairwise(sentence.parsed.tokens)
    )


def _is_of_other(sentence: Sentence, latest: ChatPicture) -> bool:
    """Return true for "and mine" after what another user has asked for."""
    words = {each.text for each in sentence.parsed.tokens}
    return not latest.is_own and words <= WORDS["said"] and bool(words & WORDS["my"])


def _own(sentence: Sentence, chat: ChatState) -> Which:
    """Return the user's own picture for "mine too", said of that of another."""
    is_mine = any(each.text in WORDS["my"] for each in sentence.parsed.tokens)
    own = next((each.id for each in chat.pictures if each.is_own), "")
    is_of_other = is_mine and own and chat.this is not None and not chat.this.is_own
    return Which(NamedBy.ID, name=own) if is_of_other else THIS


ROWS = (
    WordReader(
        "likewise",
        "the latest change, of another part too",
        _read,
        (Example("the handle, too", "changed"), Example("и шапку тоже", "changed")),
    ),
)
