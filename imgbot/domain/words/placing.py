"""Placing: what a photo shows goes into another picture: "put him on the card". Pure."""

from itertools import dropwhile

from imgbot.domain.intents.facts import Intent
from imgbot.domain.operations import Operation
from imgbot.domain.words.chat import ChatPicture, ChatState
from imgbot.domain.words.picture_words import words_of
from imgbot.domain.words.reading import Example, NamedBy, Order, Sentence, Which, WordReader
from imgbot.domain.words.vocabulary import WORDS, concept


def _read(sentence: Sentence, chat: ChatState) -> Order | None:
    if len(chat.pictures) < 2 or chat.this is None or not _is_fresh(chat.this, chat):
        return None
    placed, where = _placed(sentence)
    if not placed or not where or not WORDS["indefinite"].isdisjoint((placed[0], where[0])):
        return None
    which = _where(sentence, chat, placed, where)
    return Order(Intent.OPERATION, sentence.text, which, Operation.MERGE) if which else None


def _placed(sentence: Sentence) -> tuple[list[str], list[str]]:
    """Return the words for what is put, and those for where it goes."""
    words = [each.text for each in sentence.parsed.tokens]
    verb = next((at for at, each in enumerate(words, 1) if each in WORDS["placing"]), len(words))
    inside = (at for at, each in enumerate(words) if at >= verb and _is_link(each))
    place = next(inside, len(words))
    leading = WORDS["inside"] | WORDS["before"]
    return words[verb:place], [*dropwhile(leading.__contains__, words[place:])]


def _is_link(word: str) -> bool:
    return word in WORDS["inside"] or word in {"перед", "before", "against"}


def _where(
    sentence: Sentence, chat: ChatState, placed: list[str], where: list[str]
) -> Which | None:
    """Return the photo and where its thing goes; two photos may be those that came last."""
    known = words_of(chat.pictures)
    is_pronoun = not WORDS["placed"].isdisjoint(placed)
    tokens = [each for each in sentence.parsed.tokens if each.text in where]
    named = " ".join(each.text for each in tokens if known.matching([concept(each.text)]))
    if is_pronoun and named and chat.this not in known.best(named):
        return Which(and_also=Which(NamedBy.NAME, name=named))
    are_photos = all(_is_fresh(each, chat) for each in chat.pictures[:2])
    return Which(NamedBy.ALL, 2) if are_photos and _is_known(where[0], sentence) else None


def _is_known(first: str, sentence: Sentence) -> bool:
    """Return true for a place that there is: "the sofa", or what is behind somebody."""
    said = {each.text for each in sentence.parsed.tokens}
    is_behind = not said.isdisjoint({"front", "before", "against", "перед", "фоне"})
    return is_behind or first in WORDS["definite"] | WORDS["placed"]


def _is_fresh(picture: ChatPicture, chat: ChatState) -> bool:
    """Return true for a photo that nothing was made of."""
    return picture.operation is None and all(each.parent != picture.id for each in chat.pictures)


ROWS = (
    WordReader(
        "placing",
        "what a photo shows, into another picture",
        _read,
        (
            Example("put him on the ship", "photo beside"),
            Example("помести меня на фоне эйфелевой башни", "two photos"),
        ),
    ),
)
