"""Understanding of a prompt: subjects with count, colour and size, their relations, the setting."""

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import takewhile

from imgbot.domain.lettering import read_lettering
from imgbot.domain.spelling import fold, has_cyrillic
from imgbot.painter.engine import lexicon
from imgbot.painter.engine.drawing_request import DrawingRequest, Relation, Role, Thing, Word
from imgbot.painter.engine.lexicon import LINKS, WORN, is_known, sense_of
from imgbot.painter.engine.roles import PromptWords, Spot, role_of
from imgbot.painter.engine.subjects import EXACT, WORD, Subject, known_phrases, subject_of
from imgbot.painter.engine.typography import text_to_draw, without_purpose, without_quotes

_PLURAL_ENDINGS = ("ами", "ями", "ах", "ях", "ов", "ев", "ы", "и")
# Plural endings, and those of one.
_ENGLISH_PLURALS = {"s": [""], "es": [""], "ies": ["y"], "ves": ["f", "fe"], "men": ["man"]}

_NEGATED = re.compile(
    r"\b(?:без|without|no)(?::.*|\s+(?:(?:any|the|an?)\s+)?[^\W\d_]+"
    r"(?:\s+(?:и|или|and|or)\s+[^\W\d_]+)?)", re.IGNORECASE | re.DOTALL)  # fmt: skip


def understand_prompt(prompt: str) -> DrawingRequest:
    """Read a prompt; earlier words weigh more. Letters to be drawn do not name subjects."""
    request = DrawingRequest(text=text_to_draw(prompt))
    plain = _without_lettering(prompt, request.text)
    reader = _Reader(
        request, PromptWords(list(_words(plain)), set(map(fold, WORD.findall(request.text))))
    )
    reader.read_all()
    for text in WORD.findall(request.text) if plain != prompt else ():
        request.words.append(Word(text, Role.TEXT))
        request.weigh(text, Role.TEXT)
    for word in WORD.findall(" ".join(_NEGATED.findall(prompt))):
        for each in sense_of(word).concepts:
            request.hints |= {f"no_{hint}" for hint in (*each.hints, *each.scenes[:1])}
    return request


def _without_lettering(prompt: str, text: str) -> str:
    if not text:
        return prompt
    found = read_lettering(prompt)
    if found and found.form == "card":
        prompt = " ".join(prompt.split())
        return functools.reduce(
            lambda rest, part: rest.replace(part.text, " "), found.parts, prompt
        )
    return found.rest if found and found.is_exact else without_quotes(prompt)


def _words(plain: str) -> Iterator[str]:
    """Words and signs that are not negated; of an unknown compound its parts."""
    found = WORD.findall(_NEGATED.sub(" ; ", without_purpose(plain)))
    for word in found[: lexicon.WORDS_MAX]:
        yield from [word] if is_known(fold(word)) else word.split("-")


def _ones(plural: str) -> Iterator[str]:
    """Singular forms that an English plural may have."""
    for end, ones in _ENGLISH_PLURALS.items():
        if plural.endswith(end):
            yield from (plural.removesuffix(end) + one for one in ones)


class _Reader:
    """Reading of a prompt from left to right."""

    def __init__(self, request: DrawingRequest, text: PromptWords) -> None:
        self.request, self._text = request, text
        self._host = -1  # the thing that wears, holds or rides the others
        self._dressed = -1  # the thing that wears the latest
        self._pending: Relation | None = None  # "on a horse, a knight": its first thing follows

    def read_all(self) -> None:
        """Read every phrase and word."""
        place = 0
        while place < len(self._text.found):
            place += self._read(place)
        self._give_colours_left()

    def _read(self, place: int) -> int:
        """Read the phrase or word at the place; return its length."""
        known = len(self.request.things)
        length, name, is_rough = self._text.phrase_at(place)
        spot = Spot(self._text, place, length, name, self.request)
        role, number = role_of(spot), -1
        if role is Role.THING:
            number = self._add_thing(spot, is_rough=is_rough)
        else:
            length = 1
        for text in self._text.found[place : place + length]:
            self.request.words.append(Word(text, role, number))
            self.request.weigh(text, role)
        if role is Role.THING:
            self._own_attributes(number)
        if len(self.request.things) > known:
            self._relate(number, length, place + length)
        return length

    def _add_thing(self, spot: Spot, *, is_rough: bool) -> int:
        """Number of the named thing, a new one or that of its vessel: "чашка какао"."""
        subject, things = subject_of(spot.name), self.request.things
        number = self._vessel_of(subject)
        if number >= 0:
            things[number] = replace(things[number], subject=subject, is_rough=is_rough)
            return number
        named = " ".join(self._text.folded[spot.place : spot.place + spot.length])
        things.append(Thing(subject, is_rough, 3 if self._is_plural(named, subject) else 1))
        return len(things) - 1

    def _vessel_of(self, subject: Subject) -> int:
        """Number of the thing right before that this one is or fills; -1 if there is none."""
        for word in reversed(self.request.words):
            if word.role is Role.THING:
                before = self.request.things[word.number].subject
                is_served = bool(lexicon.SERVED & {subject.group, subject.name})
                is_same = before == subject and word is self.request.words[-1]
                is_vessel = is_served and before.name in lexicon.VESSELS
                return word.number if is_same or is_vessel else -1
            is_of = word.role is Role.RELATION and fold(word.text) == "of"
            if not is_of and word.role not in {Role.FILLER, Role.UNKNOWN, Role.COLOUR}:
                break
        return -1

    def _is_plural(self, phrase: str, subject: Subject) -> bool:
        """True for several of it without a number: "apples", "дельфины"."""
        # One is played or worn where several are named.
        if subject.group in {"clothing", "musical-instrument", "time", "body-parts"}:
            return False
        if phrase.isascii():
            return any(
                EXACT + one in known_phrases() or one == subject.english for one in _ones(phrase)
            )
        ending = next(filter(phrase.endswith, _PLURAL_ENDINGS), "")
        if not ending or subject.russian.endswith((ending, "ы", "и")):
            return False
        # "Лисы" are several at the start of a phrase, and one after a preposition or a noun.
        before = self.request.words[-1] if self.request.words else Word("", Role.BREAK)
        is_case = ending in {"ы", "и"} and before.role is not Role.BREAK
        return not is_case or fold(before.text) == "и"

    def _own_attributes(self, number: int) -> None:
        """Give the thing the count, colour and size right before its name."""
        words, things = self.request.words, self.request.things
        for at in range(len(words) - 1, -1, -1):
            word, thing, sense = words[at], things[number], words[at].sense
            match word.role:
                case Role.COUNT:
                    things[number] = replace(thing, count=sense.count)
                case Role.COLOUR:
                    # Of two colours the nearer one counts.
                    things[number] = replace(thing, colour=thing.colour or sense.colour)
                case Role.SIZE:
                    things[number] = replace(thing, size=sense.size)
                case Role.THING if word.number == number:
                    continue
                case Role.FILLER | Role.UNKNOWN if fold(word.text) not in LINKS:
                    continue
                case _:
                    break
            words[at] = replace(word, number=number)

    def _relate(self, number: int, length: int, after: int) -> None:
        kinds, places = self._links_before(length)
        worn = WORN.get(self.request.things[number].subject.name, "")
        is_sign, leads = worn == "above", {*kinds[-1:]} - {"with", "and", "as"}
        if (self._host < 0 and (is_sign or leads)) or (is_sign and self._text.names_at(after)):
            # "A sleeping cat", "on a horse a knight": the first thing follows.
            self._pending = Relation("wears" if worn else kinds[-1], -1, number)
            self._mark(places, len(self.request.relations))
            return
        if self._pending:
            self.request.relations.append(replace(self._pending, first=number))
            self._pending = None
        relation = self._relation_to(number, kinds, worn) if self._host >= 0 else None
        if relation:
            self._mark(places, len(self.request.relations))
            self.request.relations.append(relation)
        if not relation or relation.kind in {"and", "beside"}:
            self._host = number

    def _relation_to(self, number: int, kinds: Sequence[str], worn: str) -> Relation | None:
        """Relation of the host to the thing that is named after it; None if there is none."""
        if worn and (kinds or worn == "above" or self._dressed == self._host):
            self._dressed = self._host
            return Relation("wears", self._host, number)
        if kinds:
            return Relation(kinds[-1], self._host, number)
        # "Корзина яблок".
        return Relation("of", number - 1, number) if self._follows(number) else None

    def _follows(self, number: int) -> bool:
        """True if the thing is named right after another one, in Russian."""
        words = [word for word in self.request.words if word.number != number]
        is_next = bool(words) and words[-1].role is Role.THING and words[-1].number == number - 1
        is_next = is_next and WORN.get(self.request.things[number - 1].subject.name) != "above"
        return is_next and has_cyrillic(self.request.words[-1].text)

    def _links_before(self, length: int) -> tuple[list[str], list[int]]:
        """Kinds of the relation words between the last phrase and a thing before; their places."""
        words, ends = self.request.words, {Role.THING, Role.BREAK, Role.STAND, Role.SETTING}
        before = reversed(range(len(words) - length))
        between = takewhile(lambda place: words[place].role not in ends, before)
        places = [
            place for place in between
            if words[place].role is Role.RELATION and words[place].number < 0
        ]  # fmt: skip
        kinds = [words[place].sense.relations[0] for place in reversed(places)]
        # "As well as", "on the back of".
        kinds = [kind for kind in kinds if kind != "as" or "and" not in kinds]
        kinds = [kind for kind in kinds if kind != "of"] or kinds
        # A verb tells more than the preposition after it: "riding on".
        return sorted(kinds, key={"rides", "does", "before"}.__contains__), places

    def _mark(self, places: Sequence[int], number: int) -> None:
        for place in places:
            self.request.words[place] = replace(self.request.words[place], number=number)

    def _give_colours_left(self) -> None:
        """Give the colours that no thing owns to the thing before, or to the whole picture."""
        words = self.request.words
        free = [place for place, word in enumerate(words)
                if word.role is Role.COLOUR and word.number < 0]  # fmt: skip
        found = [words[place] for place in free if not self._is_colour_of_neighbour(place)]
        # A metal alone is a material with a palette of its own; next to a colour it is a colour.
        if not all(word.sense.is_metal for word in found):
            colours = dict.fromkeys(word.sense.colour for word in found)
            self.request.colours = tuple(filter(None, colours))[:4]

    def _is_colour_of_neighbour(self, place: int) -> bool:
        """True if the colour is that of the thing before, which gets it, or of an unknown word."""
        words, things = self.request.words, self.request.things
        word, following = (
            words[place],
            [*words[place + 1 : place + 2], Word("", Role.BREAK)][0].role,
        )
        if following is Role.BREAK and place and has_cyrillic(word.text):
            number = words[place - 1].number if words[place - 1].role is Role.THING else -1
            if number >= 0:
                things[number] = replace(things[number], colour=word.sense.colour)
                words[place] = replace(word, number=number)
                return True
        return following in {Role.UNKNOWN, Role.DETAIL}
