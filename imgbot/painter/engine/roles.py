"""Roles of the words of a prompt, by rules in the order of their precedence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from imgbot.domain.spelling import fold, has_cyrillic
from imgbot.painter.engine import lexicon
from imgbot.painter.engine.drawing_request import DrawingRequest, Role
from imgbot.painter.engine.lexicon import LINKS, WORN, Sense, is_known, phrase_at, sense_of
from imgbot.painter.engine.subjects import PHRASE_WORDS_MAX

_NAME_WORDS = 2
_SMALL = frozenset({Role.COUNT, Role.COLOUR, Role.SIZE, Role.RELATION, Role.STAND, Role.FILLER})


class PromptWords:
    """Words of a prompt, as written and folded, without those that are only lettering."""

    def __init__(self, found: Sequence[str], lettering: set[str]) -> None:
        self.found, self.lettering = found, lettering
        self.folded = [fold(word) for word in found]
        self.is_logo = any(word.startswith(("logo", "логотип")) for word in self.folded)
        # Titles capitalise every word.
        self.is_title = sum(map(str.istitle, found)) > max(_NAME_WORDS, len(found) / 2)

    def phrase_at(self, place: int) -> tuple[int, str, bool]:
        """Length, subject and roughness of a phrase; an unknown name and surname are a person."""
        pair = self.found[place : place + _NAME_WORDS]
        is_name = len(pair) == _NAME_WORDS and all(
            word.istitle() and not is_known(fold(word)) and not phrase_at([fold(word)])[1]
            for word in pair
        )
        if is_name and not self.is_title:
            return _NAME_WORDS, "person-standing", True
        return phrase_at(self.folded[place : place + PHRASE_WORDS_MAX])

    def names_at(self, place: int) -> str:
        """Subject that is named at the place; "" for none."""
        rest = self.folded[place : place + PHRASE_WORDS_MAX]
        return phrase_at(rest)[1] if rest else ""


@dataclass(frozen=True, slots=True)
class Spot:
    """Word whose role is asked for: its place, the phrase that begins there, what was read before.

    `name` is that of the phrase's subject; "" if it names none.
    """

    text: PromptWords
    place: int
    length: int
    name: str
    request: DrawingRequest

    @property
    def word(self) -> str:
        return self.text.folded[self.place]

    @property
    def sense(self) -> Sense:
        return sense_of(self.word)

    @property
    def following(self) -> str:
        """Word behind the phrase."""
        return "".join(self.text.folded[self.place + self.length :][:1])

    @property
    def is_compound(self) -> bool:
        """True for an English phrase that names something, before a noun: "chocolate cake"."""
        is_english = bool(self.name) and self.word.isascii()
        return is_english and bool(self.text.names_at(self.place + self.length))


@dataclass(frozen=True, slots=True)
class Rule:
    """Role of the spots that a rule applies to; without one, it is what the word means by itself.

    In the example, that is the word in angle brackets.
    """

    example: str
    role: Role | None
    applies: Callable[[Spot], bool]


def role_of(spot: Spot) -> Role:
    """Role by the first rule that applies."""
    role = next(rule.role for rule in RULES if rule.applies(spot))
    return role or _small_role(spot.sense)


def _small_role(sense: Sense) -> Role:
    roles = (Role.STAND, Role.COUNT, Role.COLOUR, Role.SIZE, Role.RELATION, Role.SETTING)
    found = (role for role, meaning in zip(roles, sense, strict=False) if meaning)
    return next(found, Role.FILLER if sense.is_filler else Role.UNKNOWN)


def _is_detail(spot: Spot) -> bool:
    """True for what the drawing of a thing before shows: a house "with a chimney"."""
    things = (thing.subject.name for thing in spot.request.things)
    if not any(lexicon.matches_stem(spot.word, lexicon.DETAILS[name]) for name in things):
        return False
    is_listed = is_linked = spot.word.startswith(("дым", "smoke"))
    for before in reversed(spot.request.words if not is_linked else []):
        kind = before.sense.relations[:1]
        match before.role:
            case Role.COLOUR if phrase_at([spot.word])[1] not in WORN:
                continue
            case Role.COUNT | Role.COLOUR | Role.THING:
                return False
            case Role.BREAK:
                return is_linked
            case Role.DETAIL:
                return True
            case Role.RELATION if kind != ("and",):
                return not is_listed and kind[0] in {"with", "in", "wears", "of"}
        is_listed |= kind == ("and",)
        is_linked |= fold(before.text) in LINKS
    return is_linked


def _is_style(spot: Spot) -> bool:
    """True for a style that is no part of what is named, nor all that is named."""
    is_style = bool(spot.sense.styles or spot.sense.rough_styles)
    return is_style and not (spot.name and (spot.length > 1 or _is_alone(spot)))


def _is_alone(spot: Spot) -> bool:
    """True if nothing but small words is around the phrase."""
    words, end = spot.text.folded, spot.place + spot.length
    return all(
        _small_role(sense_of(word)) in _SMALL and not phrase_at([word])[1]
        for word in (*words[: spot.place], *words[end:])
    )


def _is_on(spot: Spot) -> bool:
    """True if what is named next is said to carry something."""
    for word in reversed(spot.request.words):
        if word.role is Role.RELATION or fold(word.text) == "at":
            return fold(word.text) == "at" or word.sense.relations[0] in {"on", "behind"}
        if word.role in {Role.THING, Role.BREAK}:
            break
    return False


def _is_modifier(spot: Spot) -> bool:
    is_noun = spot.is_compound and not spot.following.endswith("ing")
    return is_noun and not spot.text.is_logo and WORN.get(spot.name) != "above"


def _is_own_part(spot: Spot) -> bool:
    """True for a part of a body beside its owner."""
    places = range(spot.place + 1, len(spot.text.folded))
    others = {spot.text.names_at(each) for each in places} - {"", *lexicon.PARTS_OF_BODIES}
    return spot.name in lexicon.PARTS_OF_BODIES and bool(spot.request.things or others)


def _is_surname(spot: Spot) -> bool:
    if not (spot.request.words and has_cyrillic(spot.text.found[spot.place])):
        return False
    before = spot.request.words[-1]
    names = (before.text, spot.text.found[spot.place])
    return before.role is Role.UNKNOWN and all(map(str.istitle, names))


RULES = (
    Rule("a fox <,> snow", Role.BREAK, lambda spot: not spot.word[0].isalnum()),
    Rule("poster <Autumn>", Role.TEXT, lambda spot: spot.word in spot.text.lettering),
    Rule("a house with a <chimney>", Role.DETAIL, _is_detail),
    Rule("a penguin on an <ice> floe", Role.FILLER,
         lambda spot: spot.word.isascii() and bool(spot.name and sense_of(spot.following).stands)),
    Rule("a fox in <watercolour>", Role.STYLE, _is_style),
    Rule("a <big> fox", None, lambda spot: not spot.name),
    Rule("a cat on a <table>", None, lambda spot: spot.name == "table" and _is_on(spot)),
    Rule("an <orange> cat", None, lambda spot: spot.is_compound and bool(spot.sense.colour)),
    # Of two English nouns the last is meant.
    Rule("a <fox> house", Role.UNKNOWN, _is_modifier),
    Rule("a fox with a <nose>", Role.UNKNOWN, _is_own_part),
    Rule("Аркадий <Волков>", Role.UNKNOWN, _is_surname),
    Rule("logo of a fox <shop>", Role.UNKNOWN,
         lambda spot: spot.text.is_logo and spot.name == "convenience-store"
         and bool(spot.request.things)),
    Rule("a cat, a dog, a fox, an owl, a bear, a wolf, a cow, a pig, a hen, a frog, a fish, a bee, "
         "an <ant>", Role.UNKNOWN, lambda spot: len(spot.request.things) >= lexicon.COUNT_MAX),
    Rule("a <fox>", Role.THING, lambda _: True),
)  # fmt: skip
