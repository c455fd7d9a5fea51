"""About: what a text asks of the picture that it names, or of several. Pure."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeGuard

from imgbot.domain.intents.facts import Intent
from imgbot.domain.intents.words import clauses_of
from imgbot.domain.operations import Operation
from imgbot.domain.spelling import has_cyrillic
from imgbot.domain.words.chat import ChatPicture, ChatState
from imgbot.domain.words.naming import PictureName, named_picture, several_named, together
from imgbot.domain.words.numbers import MORE
from imgbot.domain.words.reading import (
    THIS,
    Ask,
    NamedBy,
    Order,
    Reading,
    Sentence,
    Talk,
    Which,
    sentence_of,
)
from imgbot.domain.words.this_picture import Found, itself, numbered, this_picture
from imgbot.domain.words.vocabulary import WORDS, concept, excluded_by, is_look, is_small

_COMPARED = re.compile(
    r"^(?:it )?(?:is|looks|seems|was|feels) (?:\w+ )?(?:\w+er|better|best|worse)\b"
    r"|\b(?:than (?:the )?(?:others?|rest)|остальных|других|всех)$"
)
_TINTS = excluded_by(["black"]) - {"white"}
_OF_ALL = WORDS["every"] | WORDS["whole"] | WORDS["several"] | {"whole"}
_OF_ONE = (WORDS["this"] | WORDS["pronouns"] | {"это", "here", "тут", "здесь"}) - WORDS["these"]
_OF_SEVERAL = WORDS["several"] | WORDS["these"]
_OF_SEVERAL |= {"us", "we", "they", "together", "нас", "нам", "мы", "они", "вместе"}
_NEW_THING = re.compile(
    r"\b(?:add|добавь\w*)\b|\b(?:put|place|stick|set|insert) (?:an?|some|another) (?!on |in |to )"
    r"|\b(?:поставь|посади|помести|вставь)\w* (?:ему|ей|им|на н\w+) "
)
Read = Callable[[Sentence, ChatState], Reading]
"""Reads a text as it stands."""


def read_about(
    sentence: Sentence, chat: ChatState, read: Read, named: PictureName | None = None
) -> Reading:
    """Return what a text asks of pictures: of those in `named`, else of those that it names."""
    named = named or named_picture(sentence, chat)
    direct = read(sentence, chat)
    if named is None or _is_merge(direct):
        return _of_several(_merged(direct, sentence, chat), sentence, chat)
    if named.alone:
        return Talk(named.alone, which=itself(named.which, chat))
    if _is_compared(named):
        return Talk(Intent.POINTING, which=named.which)
    return (
        _about(named, direct)
        if _is_free(direct, named)
        else _asked(named, direct, sentence, chat, read)
    )


def answer_in(sentence: Sentence, chat: ChatState) -> PictureName | None:
    """Return the pictures that a text means by an unclear one, if it only names them."""
    listed = tuple(filter(None, map(chat.picture, chat.among)))
    few = replace(chat, pictures=listed, replied="", asked="")
    named = named_picture(sentence, few)
    if named is None or not named.alone:
        return None
    meant = _listed(named.which, listed) or this_picture(named.which, few).pictures
    which = together([Which(NamedBy.ID, name=each.id) for each in meant]) if meant else named.which
    return replace(named, which=which, rest=sentence_of(chat.unclear))


def _listed(which: Which, listed: Sequence[ChatPicture]) -> Sequence[ChatPicture]:
    """Return those of a list that are meant by their numbers in it, or all."""
    if which.way is NamedBy.ALL and which.number in {0, len(listed)}:
        return listed
    rows = numbered(listed)
    number = rows.get(which.number) if which.way is NamedBy.NUMBER else None
    return (number,) if number else ()


def _is_compared(named: PictureName) -> bool:
    """Return true for "the second one is prettier", which asks for nothing."""
    is_alone = len(clauses_of(named.rest.parsed.tokens)) == 1
    is_number = named.which.way is NamedBy.NUMBER
    return is_number and is_alone and _COMPARED.search(named.rest.plain) is not None


def _asked(
    named: PictureName, direct: Reading, sentence: Sentence, chat: ChatState, read: Read
) -> Reading:
    meant = this_picture(named.which, chat)
    about = replace(chat, replied=meant.pictures[0].id) if len(meant.pictures) == 1 else chat
    text = named.rest if named.is_certain else sentence
    found = _about(named, _asked_of(named, direct, read(text, about), text.text, meant))
    if isinstance(found, Order) and found.intent is Intent.AGAIN:
        return replace(found, which=itself(found.which, chat))
    is_about = isinstance(found, Order) and found.which == named.which
    return _asked_which(found, meant) if is_about else found


def _asked_of(
    named: PictureName, direct: Reading, found: Reading, text: str, meant: Found
) -> Reading:
    """Return what the text asks for; what is unsure is a change of the one picture named."""
    if len(meant.pictures) > 1:
        return found
    if isinstance(found, Talk):
        return found if named.is_certain and named.is_definite else direct
    if not named.is_definite and _order_of(direct).intent is Intent.CREATE:
        return direct
    return _sure(found, text) if meant.pictures or meant.among else found


def _sure(found: Order | Ask, text: str) -> Reading:
    """Return what is unsure as a change, since the picture is named; a new one is asked about."""
    order = _order_of(found)
    if order.intent is not Intent.CREATE:
        return order
    change = Order(Intent.CHANGE, text)
    return change if isinstance(found, Order) else Ask(change)


def _is_free(direct: Reading, named: PictureName) -> bool:
    """Return true for what orders nothing, whatever the picture."""
    if not isinstance(direct, Talk):
        return False
    return bool(direct.topic) or direct.intent is Intent.SHOW or not named.is_certain


def _order_of(reading: Reading) -> Order:
    """Return the likelier order; a talk is one for a new picture, which needs a sure name."""
    if isinstance(reading, Talk):
        return Order(Intent.CREATE)
    return reading.order if isinstance(reading, Ask) else reading


def _about(named: PictureName, reading: Reading) -> Reading:
    if isinstance(reading, Ask):
        return replace(reading, order=replace(reading.order, which=named.which))
    if isinstance(reading, Order):
        if reading.intent is Intent.CREATE:
            return reading
        # "Both brighter" was read as "it brighter".
        reading = replace(reading, prompt=reading.prompt.removeprefix("it "))
    return replace(reading, which=named.which) if reading.which == THIS else reading


def _is_merge(reading: Reading) -> TypeGuard[Order]:
    return isinstance(reading, Order) and reading.operation is Operation.MERGE


def _merged(reading: Reading, sentence: Sentence, chat: ChatState) -> Reading:
    """Return a merge as one of the pictures that the text names, or of all: one is too few."""
    if not _is_merge(reading) or reading.which.way not in {NamedBy.ALL, NamedBy.THIS}:
        return reading
    count = reading.which.number
    return replace(reading, which=several_named(sentence, chat) or Which(NamedBy.ALL, count))


def _is_of_each(sentence: Sentence) -> bool:
    """Return true for a look alone, or what "all" shall get; other changes need all in one."""
    tokens = sentence.parsed.tokens
    words = {each.text for each in tokens}
    if not _OF_ALL.isdisjoint(words):
        return True
    if not _TINTS.isdisjoint(map(concept, words)):
        # The other photo may show what is to become green.
        return False
    told = [each for each in tokens if each.text in WORDS["degrees"] or not is_small(each)]
    is_look_alone = all(_is_look(each.text) for each in told)
    return bool(told) and is_look_alone and _OF_ONE.isdisjoint(words)


def _is_look(word: str) -> bool:
    # In English, more than degrees end so: "poster".
    is_degree = has_cyrillic(word) and MORE.fullmatch(word) is not None
    return is_degree or is_look(word) or word in WORDS["degrees"] | WORDS["like"]


def _of_photos(reading: Order, sentence: Sentence) -> Order | Ask:
    """Return an order as one of each photo that it came with, or of all in one; or ask."""
    which = Which(NamedBy.ALL)
    if reading.intent is Intent.OPERATION or _is_of_each(sentence):
        return replace(reading, which=which)
    merge = Order(Intent.OPERATION, sentence.text, which, Operation.MERGE)
    words = {each.text for each in sentence.parsed.tokens}
    # "Put a hat on him" needs no second photo.
    is_placed = WORDS["placing"] & words and not _NEW_THING.search(sentence.plain)
    are_several = words & _OF_SEVERAL or is_placed or re.search(r"\d", sentence.text)
    return merge if are_several else Ask(merge)


def _of_several(reading: Reading, sentence: Sentence, chat: ChatState) -> Reading:
    """Return an order as one about all photos that it came with, or ask about which of several.

    Nobody has chosen yet from variants or photos that came last.
    """
    if isinstance(reading, Order) and len(chat.photos) > 1 and reading.intent is Intent.CREATE:
        # A new picture needs no photos.
        reading = replace(reading, intent=Intent.CHANGE)
    if not isinstance(reading, Order) or reading.intent not in {Intent.CHANGE, Intent.OPERATION}:
        return reading
    if reading.which != THIS:
        return _asked_which(reading, this_picture(reading.which, chat))
    if len(chat.photos) > 1:
        return _of_photos(reading, sentence)
    return Ask(reading, chat.unchosen) if chat.unchosen else reading


def _asked_which(reading: Reading, meant: Found) -> Reading:
    if not meant.among or not isinstance(reading, Order):
        return reading
    return Ask(reading, tuple(each.id for each in meant.among))
