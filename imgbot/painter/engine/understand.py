"""Understanding of a prompt: subjects with count, colour and size, their relations, the setting."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from imgbot.domain.lettering import read_lettering
from imgbot.domain.spelling import fold, has_cyrillic
from imgbot.painter.engine import lexicon
from imgbot.painter.engine.colours import Colour
from imgbot.painter.engine.lexicon import LINKS, WORN, is_known, phrase_at, sense_of
from imgbot.painter.engine.subjects import (
    EXACT,
    PHRASE_WORDS_MAX,
    WORD,
    Subject,
    meanings,
    subject_of,
)
from imgbot.painter.engine.tables import table
from imgbot.painter.engine.typography import text_to_draw, without_purpose, without_quotes

THINGS_MAX = lexicon.COUNT_MAX
SEVERAL = 3
NAME_WORDS = 2
_PLURAL_ENDINGS = ("ами", "ями", "ах", "ях", "ов", "ев", "ы", "и")
# Plural endings, and those of one.
_ENGLISH_PLURALS = {"s": [""], "es": [""], "ies": ["y"], "ves": ["f", "fe"], "men": ["man"]}
# One is played or worn where several are named.
_SINGLE_GROUPS = frozenset({"clothing", "musical-instrument", "time", "body-parts"})
_PLURAL_OR_CASE = frozenset({"ы", "и"})
_PARTITIVE = frozenset({"with", "in", "wears", "of"})
_LOGOS = ("logo", "логотип")

_NEGATED = re.compile(
    r"\b(?:без|without|no)(?::.*|\s+(?:(?:any|the|an?)\s+)?[^\W\d_]+"
    r"(?:\s+(?:и|или|and|or)\s+[^\W\d_]+)?)", re.IGNORECASE | re.DOTALL)  # fmt: skip


class Role(Enum):
    """Role of a word in the prompt."""

    THING, COUNT, COLOUR, SIZE, RELATION, STAND, SETTING = range(7)
    STYLE, TEXT, FILLER, DETAIL, UNKNOWN, BREAK = range(7, 13)


@dataclass(frozen=True, slots=True)
class Word:
    """Word of a prompt and its role; `number` is that of the thing or relation it belongs to."""

    text: str
    role: Role
    number: int = -1

    @property
    def sense(self) -> lexicon.Sense:
        return sense_of(self.text)


@dataclass(frozen=True, slots=True)
class Thing:
    """Subject that a prompt names; `is_rough` if it only stands in for what is named."""

    subject: Subject
    is_rough: bool = False
    count: int = 1
    colour: Colour | None = None
    size: float = 1.0


@dataclass(frozen=True, slots=True)
class Relation:
    """Relation of two things by their numbers: the first wears, rides … the second."""

    kind: str
    first: int
    second: int


@dataclass(slots=True)
class DrawingRequest:
    """All that a prompt asks for; scenes, palettes and styles with their weights.

    A hint of what must not show begins with `no_`. `stand` is what the things are said to be on.
    """

    words: list[Word] = field(default_factory=list)
    things: list[Thing] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    scenes: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    palettes: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    styles: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    hints: set[str] = field(default_factory=set)
    colours: tuple[Colour, ...] = ()
    has_place: bool = False
    stand: str = ""
    text: str = ""


def understand(prompt: str) -> DrawingRequest:
    """Read a prompt; earlier words weigh more. Letters to be drawn do not name subjects."""
    request = DrawingRequest(text=text_to_draw(prompt))
    lettering = read_lettering(prompt)
    plain = without_quotes(prompt) if request.text else prompt
    if request.text and lettering and lettering.is_exact and lettering.form != "card":
        plain = lettering.rest
    found = [
        part
        for word in WORD.findall(_NEGATED.sub(" ; ", without_purpose(plain)))[: lexicon.WORDS_MAX]
        for part in ([word] if is_known(fold(word)) else word.split("-"))
    ]
    reader = _Reader(request, found, set(map(fold, WORD.findall(request.text))))
    while reader.place < len(found):
        reader.read()
    reader.finish()
    for text in WORD.findall(request.text) if plain != prompt else ():
        request.words.append(Word(text, Role.TEXT))
        reader.weigh(text, Role.TEXT)
    for word in WORD.findall(" ".join(_NEGATED.findall(prompt))):
        for each in sense_of(word).concepts:
            request.hints |= {f"no_{hint}" for hint in (*each.hints, *each.scenes[:1])}
    return request


class _Reader:
    """Reading of a prompt from left to right."""

    def __init__(self, request: DrawingRequest, found: Sequence[str], lettering: set[str]) -> None:
        self.request, self.place = request, 0
        self._found, self._lettering = found, lettering
        self._folded = [fold(word) for word in found]
        self._is_logo = any(word.startswith(_LOGOS) for word in self._folded)
        self._host = -1  # the thing that wears, holds or rides the others
        self._dressed = -1  # the thing that wears the latest
        self._pending: Relation | None = None  # "on a horse, a knight": its first thing follows

    def read(self) -> None:
        """Read the phrase or word at the place, and go behind it."""
        known = len(self.request.things)
        phrase = self._phrase()
        role, number = self._role(self._folded[self.place], phrase)
        length = phrase[0] if role is Role.THING else 1
        for text in self._found[self.place : self.place + length]:
            self.request.words.append(Word(text, role, number))
            self.weigh(text, role)
        if role is Role.THING:
            self._own_attributes(number)
        if len(self.request.things) > known:
            self._relate(number, self.place + length)
        self.place += length

    def _phrase(self) -> tuple[int, str, bool]:
        """Phrase at the place; an unknown name and surname are those of a person."""
        phrase = phrase_at(self._folded[self.place : self.place + PHRASE_WORDS_MAX])
        pair = self._found[self.place : self.place + 2]
        is_name = len(pair) == NAME_WORDS and all(
            word.istitle() and not is_known(fold(word)) and not phrase_at([fold(word)])[1]
            for word in pair
        )
        # Titles capitalise every word.
        is_title = sum(map(str.istitle, self._found)) > max(NAME_WORDS, len(self._found) / 2)
        return (NAME_WORDS, "person-standing", True) if is_name and not is_title else phrase

    def _role(self, word: str, phrase: tuple[int, str, bool]) -> tuple[Role, int]:
        length, name, is_rough = phrase
        if not word[0].isalnum():
            return Role.BREAK, -1
        if word in self._lettering:
            return Role.TEXT, -1
        if self._is_detail(word):
            return Role.DETAIL, -1
        sense = sense_of(word)
        is_style = bool(sense.styles or sense.rough_styles)
        is_style = is_style and not (name and (length > 1 or self._is_alone(length)))
        followed = self._names_at(self.place + length) if name else False
        is_english = word.isascii()
        following = self._folded[self.place + length : self.place + length + 1]
        if name and is_english and following and sense_of(following[0]).stands:
            return Role.FILLER, -1  # "an ice floe"
        is_stand = name == "table" and self._is_on()
        if not name or is_style or is_stand or (is_english and followed and sense.colour):
            return (Role.STYLE if is_style else _small_role(sense)), -1
        # Of two English nouns the last is meant: "chocolate cake".
        is_modifier = is_english and followed and not following[0].endswith("ing")
        is_modifier = is_modifier and not self._is_logo and WORN.get(name) != "above"
        if is_modifier or self._is_no_subject(name) or len(self.request.things) >= THINGS_MAX:
            return Role.UNKNOWN, -1
        subject = subject_of(name)
        number = self._vessel_of(subject)
        if number >= 0:
            thing = self.request.things[number]
            self.request.things[number] = replace(thing, subject=subject, is_rough=is_rough)
            return Role.THING, number  # "чашка какао"
        named = " ".join(self._folded[self.place : self.place + length])
        count = SEVERAL if self._is_plural(named, subject) else 1
        self.request.things.append(Thing(subject, is_rough, count))
        return Role.THING, len(self.request.things) - 1

    def _is_alone(self, length: int) -> bool:
        """True if nothing but small words is around the phrase at the place."""
        others = [*self._folded[: self.place], *self._folded[self.place + length :]]
        small = {Role.COUNT, Role.COLOUR, Role.SIZE, Role.RELATION, Role.STAND, Role.FILLER}
        return all(
            _small_role(sense_of(word)) in small and not phrase_at([word])[1] for word in others
        )

    def _is_on(self) -> bool:
        """True if what is named next is said to carry something."""
        for word in reversed(self.request.words):
            if word.role is Role.RELATION or fold(word.text) == "at":
                return fold(word.text) == "at" or word.sense.relations[0] in {"on", "behind"}
            if word.role in {Role.THING, Role.BREAK}:
                break
        return False

    def _is_detail(self, word: str) -> bool:
        """True for what the drawing of a thing before shows: a house "with a chimney"."""
        things = (thing.subject.name for thing in self.request.things)
        if not any(lexicon.matches_stem(word, lexicon.DETAILS[name]) for name in things):
            return False
        is_listed = is_linked = word.startswith(("дым", "smoke"))
        for before in reversed(self.request.words if not is_linked else []):
            kind = before.sense.relations[:1]
            match before.role:
                case Role.COLOUR if phrase_at([word])[1] not in WORN:
                    continue
                case Role.COUNT | Role.COLOUR | Role.THING:
                    return False
                case Role.BREAK:
                    return is_linked
                case Role.DETAIL:
                    return True
                case Role.RELATION if kind != ("and",):
                    return not is_listed and kind[0] in _PARTITIVE
            is_listed |= kind == ("and",)
            is_linked |= fold(before.text) in LINKS
        return is_linked

    def _is_no_subject(self, name: str) -> bool:
        """True for a part of a body beside its owner, a surname, and the shop of a logo."""
        words, at = self.request.words, self.place
        if name in lexicon.PARTS_OF_BODIES:
            rest = (phrase_at(self._folded[each : each + PHRASE_WORDS_MAX])[1]
                    for each in range(at + 1, len(self._folded)))  # fmt: skip
            return bool(self.request.things) or any({*rest} - {"", *lexicon.PARTS_OF_BODIES})
        if self._is_logo and name == "convenience-store":
            return bool(self.request.things)
        is_name = has_cyrillic(self._found[at]) and self._found[at].istitle() and bool(words)
        return is_name and words[-1].role is Role.UNKNOWN and words[-1].text.istitle()

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
        if subject.group in _SINGLE_GROUPS:
            return False
        if phrase.isascii():
            ones = [phrase.removesuffix(end) + one for end, ones in _ENGLISH_PLURALS.items()
                    if phrase.endswith(end) for one in ones]  # fmt: skip
            return any(EXACT + one in meanings() or one == subject.english for one in ones)
        ending = next((each for each in _PLURAL_ENDINGS if phrase.endswith(each)), "")
        if not ending or subject.russian.endswith((ending, "ы", "и")):
            return False
        if ending not in _PLURAL_OR_CASE:
            return True
        # "Лисы" are several at the start of a phrase, and one after a preposition or a noun.
        before = self.request.words[-1:] or [Word("", Role.BREAK)]
        return before[0].role is Role.BREAK or fold(before[0].text) == "и"

    def _names_at(self, place: int) -> bool:
        rest = self._folded[place : place + PHRASE_WORDS_MAX]
        return bool(rest) and bool(phrase_at(rest)[1])

    def weigh(self, word: str, role: Role) -> None:
        """Add what the word tells of scene, palette and style."""
        request, sense = self.request, sense_of(word)
        weight = 100 - min(len(request.words), 60)
        is_setting = role not in {Role.THING, Role.STAND, Role.DETAIL}
        is_setting = is_setting and not (role is Role.TEXT and request.scenes)
        for style in (*sense.styles, *sense.rough_styles):
            request.styles[style] += weight
        for each in sense.concepts if role is not Role.STYLE else ():
            request.has_place |= is_setting and each.for_scene == 1 and bool(each.scenes)
            for rank, name in enumerate(each.scenes if is_setting else (), 1):
                request.scenes[name] += weight * each.for_scene / rank
            for rank, name in enumerate(each.palettes if role is not Role.DETAIL else (), 1):
                request.palettes[name] += weight * each.for_palette / rank
            request.hints.update(each.hints if is_setting else {*each.hints} & {"smoke"})
        for stand in sense.stands if role is Role.STAND else ():
            request.stand = stand
            for scene in table("create")["stand_scenes"].get(stand, "").split():
                request.scenes[scene] += weight
                request.has_place = True

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

    def _relate(self, number: int, after: int) -> None:
        kinds, places = self._links_before(number)
        worn = WORN.get(self.request.things[number].subject.name, "")
        is_sign, leads = worn == "above", {*kinds[-1:]} - {"with", "and", "as"}
        if (self._host < 0 and (is_sign or leads)) or (is_sign and self._names_at(after)):
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

    def _links_before(self, number: int) -> tuple[list[str], list[int]]:
        """Kinds of the relation words between this thing and the one before, and their places."""
        words = self.request.words
        kinds: list[str] = []
        places: list[int] = []
        for place in range(len(words) - 1, -1, -1):
            word = words[place]
            if word.role is Role.THING and word.number == number:
                continue
            if word.role in {Role.THING, Role.BREAK, Role.STAND, Role.SETTING}:
                break
            if word.role is Role.RELATION and word.number < 0:
                kinds.insert(0, word.sense.relations[0])
                places.append(place)
        # "As well as", "on the back of".
        kinds = [kind for kind in kinds if kind != "as" or "and" not in kinds]
        kinds = [kind for kind in kinds if kind != "of"] or kinds
        # A verb tells more than the preposition after it: "riding on".
        return sorted(kinds, key=lambda kind: kind in {"rides", "does", "before"}), places

    def _mark(self, places: Sequence[int], number: int) -> None:
        for place in places:
            self.request.words[place] = replace(self.request.words[place], number=number)

    def finish(self) -> None:
        """Give the colours that no thing owns to the thing before, or to the whole picture."""
        words, found = self.request.words, list[Word]()
        for place, word in enumerate(words):
            if word.role is not Role.COLOUR or word.number >= 0:
                continue
            before = words[place - 1] if place else None
            following = words[place + 1].role if place + 1 < len(words) else Role.BREAK
            is_after = has_cyrillic(word.text) and following is Role.BREAK
            if is_after and before and before.role is Role.THING:
                thing = self.request.things[before.number]
                self.request.things[before.number] = replace(thing, colour=word.sense.colour)
                words[place] = replace(word, number=before.number)
            elif following not in {Role.UNKNOWN, Role.DETAIL}:
                found.append(word)
        # A metal alone is a material with a palette of its own; next to a colour it is a colour.
        if not all(word.sense.is_metal for word in found):
            colours = dict.fromkeys(word.sense.colour for word in found)
            self.request.colours = tuple(filter(None, colours))[:4]


def _small_role(sense: lexicon.Sense) -> Role:
    roles = (Role.STAND, Role.COUNT, Role.COLOUR, Role.SIZE, Role.RELATION, Role.SETTING)
    found = (role for role, meaning in zip(roles, sense, strict=False) if meaning)
    return next(found, Role.FILLER if sense.is_filler else Role.UNKNOWN)
