"""Likewise: the latest change, for another part or picture: "the handle, too". Pure."""

from imgbot.domain.intents.facts import Intent
from imgbot.domain.operations import Operation
from imgbot.domain.words.chat import ChatPicture, ChatState
from imgbot.domain.words.picture_words import WORDS, is_small
from imgbot.domain.words.reading import Example, Order, Sentence, WordReader

_LONGEST, _PARTS_MOST = 7, 3


def _read(sentence: Sentence, chat: ChatState) -> Order | None:
    latest = chat.pictures[0] if chat.pictures else None
    if latest is None or not latest.parent or chat.this is None or not _is_likewise(sentence):
        return None
    if latest.operation in _FOR_EACH and latest is not chat.this:
        return Order(Intent.OPERATION, sentence.text, operation=latest.operation)
    change = _change_of(latest)
    return Order(Intent.CHANGE, f"{change}, {sentence.text}") if change else None


def _change_of(picture: ChatPicture) -> str:
    is_change = picture.operation is Operation.EDIT and len(picture.words) > 1
    return picture.words[-1].rstrip(" ,;.!") if is_change else ""


def _is_likewise(sentence: Sentence) -> bool:
    """Return true for parts alone, with "too" or behind "and": nothing is said of them."""
    small = {each.text for each in sentence.parsed.tokens if is_small(each)}
    parts = [each for each in sentence.parsed.tokens if not is_small(each)]
    is_long = len(sentence.parsed.tokens) > _LONGEST or len(parts) > _PARTS_MOST
    if is_long or sentence.parsed.asks or not WORDS["said"].issuperset(small):
        return False
    return bool(small & WORDS["likewise"]) and bool(parts or small & WORDS["my"])


_FOR_EACH = frozenset(
    {Operation.STICKER, Operation.REMOVE_BACKGROUND, Operation.UPSCALE, Operation.RETOUCH}
)

ROWS = (
    WordReader(
        "likewise",
        "the latest change, of another part too",
        _read,
        (Example("the handle, too", "changed"), Example("и шапку тоже", "changed")),
    ),
)
