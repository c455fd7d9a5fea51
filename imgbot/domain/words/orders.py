"""Orders by their beginning: a new picture, another one, one drawn anew, words on it. Pure."""

import re

from imgbot.domain.intents import Intent
from imgbot.domain.intents.beginnings import names_new_picture, without_beginning
from imgbot.domain.intents.facts import PendingQuestion
from imgbot.domain.lettering import read_lettering
from imgbot.domain.operations import Operation
from imgbot.domain.phrases import PhraseLists, normalize, phrases_of
from imgbot.domain.prompt_options import count_in
from imgbot.domain.spelling import has_cyrillic
from imgbot.domain.words import learned
from imgbot.domain.words.chat import ChatState
from imgbot.domain.words.reading import Ask, Example, Order, Reading, Sentence, Talk, WordReader
from imgbot.domain.words.vocabulary import WORDS

_LONGEST_LETTERING = 600
"""Characters of a text that is to be written, with what asks for it."""

_FREE = frozenset({PendingQuestion.NOTHING, PendingQuestion.CHANGE})
"""Questions that leave it open what is ordered."""


_WISH = re.compile(
    r"^(?:(?:а|и|ну) )?(?:можно(?: ли)? )?(?=(?:с|со) (?:текст|надпис|подпис))"
    r"|,? (?:можно|please|pls|пожалуйста|плиз|пж)\W*$",
    re.IGNORECASE,
)
"""Polite words around a text that is to be written: "а с текстом МУР можно?"."""


_NO_THING = re.compile(r"(?:т[ьи]|чь|ться|[ео]е|[чшж]е|ше|[ыио]й|[ую]ю|[ое]го|но|ски)$")
"""Ends of words that are no things: "можно поярче?", "можно вторую?"."""


def _lists() -> PhraseLists:
    return phrases_of("imgbot.domain.words", "orders")


def _begins(name: str, sentence: Sentence) -> bool:
    rest = without_beginning(sentence.parsed) or sentence.text
    return any(_lists()[name].match(normalize(each), 1) for each in (sentence.text, rest))


def _owned(sentence: Sentence, chat: ChatState) -> Reading | None:
    """Read "mine and his", which says of whom, and not what; what it may ask for is asked about."""
    is_open = chat.this is not None and chat.pending is PendingQuestion.NOTHING
    if (
        not is_open
        or chat.photos
        or any(each.text not in WORDS["owned"] for each in sentence.parsed.tokens)
    ):
        return None
    found = learned.read_learned(sentence, chat)
    if isinstance(found, Order) and found.intent in {Intent.CHANGE, Intent.CREATE}:
        return Ask(found)
    return found


def _again(sentence: Sentence, chat: ChatState) -> Order | None:
    if chat.this is None or chat.pending not in _FREE:
        return None
    is_asked = _lists()["again"].fullmatch(sentence.normal.strip(" ,"))
    count = count_in(sentence.text) or 1
    return Order(Intent.AGAIN, sentence.text, count=count) if is_asked else None


def _new(sentence: Sentence, chat: ChatState) -> Order | None:
    """Read "draw …", unless it is drawn on this picture."""
    if chat.pending not in _FREE or (chat.this and _begins("drawn_on", sentence)):
        return None
    is_new = _begins("draw", sentence) or names_new_picture(sentence.text)
    if not is_new or chat.replied:
        return None
    return Order(Intent.CREATE, without_beginning(sentence.parsed) or sentence.text)


def _same_but(sentence: Sentence, chat: ChatState) -> Order | None:
    this = chat.this
    is_drawn = this is not None and this.operation is Operation.CREATE
    is_asked = is_drawn and _begins("same_but", sentence)
    return Order(Intent.REDRAW, sentence.text) if is_asked else None


def without_wish(text: str) -> str:
    """Return what is to be written without polite words around it."""
    return _WISH.sub("", text)


def _lettering(sentence: Sentence, chat: ChatState) -> Order | None:
    """Read what is to be written on this picture, to the end of the sentence."""
    if chat.this is None or chat.pending not in _FREE or len(sentence.text) > _LONGEST_LETTERING:
        return None
    text = without_wish(sentence.text)
    found = read_lettering(text)
    if found is None or found.rest:
        return None
    is_how = not found.is_exact and _lists()["how"].match(normalize(found.text), 1)
    return None if is_how else Order(Intent.CHANGE, text)


def _continued(sentence: Sentence, chat: ChatState) -> Reading | None:
    """Read as a change what begins like one, or refers to what is in this picture."""
    if chat.this is None or chat.pending not in _FREE:
        return None
    found = learned.read_learned(sentence, chat)
    order = found.order if isinstance(found, Ask) else found
    if not isinstance(order, Order) or order.intent not in {Intent.CREATE, Intent.CHANGE}:
        return None
    is_about = _begins("change", sentence) or _refers(sentence)
    return Order(Intent.CHANGE, order.prompt) if is_about else None


def _refers(sentence: Sentence) -> bool:
    """Return true for a wish about what is in this picture; "he looks happy" is none."""
    lists, normal = _lists(), sentence.normal
    is_wish = lists["asking"].search(normal) and lists["reference"].search(normal)
    return bool(is_wish) and not lists["statement"].search(normal)


def _bare(sentence: Sentence, chat: ChatState) -> Reading | None:
    """Read a verb without an instruction: the words of the change are asked for."""
    words, is_open = sentence.normal.strip(" ,"), chat.pending is PendingQuestion.NOTHING
    if is_open and not chat.replied and _lists()["short"].fullmatch(words):
        return Order(Intent.CREATE, sentence.text)
    if chat.this is None or chat.pending not in _FREE:
        return None
    if _lists()["look"].fullmatch(words):
        return Order(Intent.CHANGE, sentence.text)
    if is_open and _lists()["show_it"].fullmatch(words):
        return Talk(Intent.COMMAND, "last")
    is_bare = is_open and _lists()["bare"].fullmatch(words)
    return Order(Intent.OPERATION, operation=Operation.EDIT) if is_bare else None


def _wished(sentence: Sentence, chat: ChatState) -> Order | None:
    """Read a thing that is politely asked for, as one that is added: "can I have a frame?"."""
    if chat.this is None or chat.pending not in _FREE:
        return None
    found = _lists()["wished"].fullmatch(normalize(without_wish(sentence.text)).strip(" ,"))
    thing = next(filter(None, found.groups()), "") if found else ""
    if not thing or _lists()["no_wish"].search(thing) or _NO_THING.search(thing):
        return None
    return Order(Intent.CHANGE, f"{'добавь' if has_cyrillic(thing) else 'add'} {thing}")


def _thing(sentence: Sentence, chat: ChatState) -> Order | None:
    """Read a thing alone as a new picture where that is the likeliest, beside one or not."""
    words, lists = sentence.normal.strip(" ,"), _lists()
    is_thing = lists["thing"].fullmatch(words) and not lists["no_thing"].search(sentence.normal)
    if not is_thing or chat.replied or chat.pending is not PendingQuestion.NOTHING:
        return None
    found = learned.read_learned(sentence, chat)
    if isinstance(found, Ask) and found.order.intent is Intent.CREATE:
        return found.order
    return None


BARE = (
    WordReader(
        "bare verb",
        "a look or a short thing alone, a change that does not say which, this picture once more",
        _bare,
        (Example("change it please"), Example("ёж")),
    ),
    WordReader(
        "wished",
        "a thing that is politely asked for",
        _wished,
        (Example("can I have a frame?"), Example("можно рамку?")),
    ),
)
ROWS = (
    WordReader(
        "owned",
        "of whom a picture is, and nothing else",
        _owned,
        (Example("mine and his"), Example("с ней и мной")),
    ),
    WordReader(
        "again",
        "another picture of the same words",
        _again,
        (Example("again again"), Example("ещё раз")),
    ),
    WordReader(
        "same but",
        "this picture drawn anew with something else",
        _same_but,
        (Example("the same but at night"), Example("то же самое, но с собакой")),
    ),
    WordReader(
        "new",
        "a new picture that is called one",
        _new,
        (Example("draw another dog"), Example("нарисуй ещё собаку")),
    ),
    WordReader(
        "lettering",
        "words that are to stand on this picture",
        _lettering,
        (Example("write GOOD NIGHT"), Example("подпиши внизу наш отпуск")),
    ),
    WordReader(
        "continued",
        "a change that refers to this picture",
        _continued,
        (Example("put the laces back"), Example("а можно ей шляпу?")),
    ),
    WordReader(
        "thing",
        "a thing that stands alone",
        _thing,
        (Example("a dog"), Example("один дракон")),
    ),
)
