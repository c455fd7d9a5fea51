"""Reading: what a text asks for in its chat, and which picture it means. Pure.

A reader gets the text and the chat; it returns a reading, or None for a text that is not its own.
Readers never order anything: an order is only handled by the bot, and its picture is found by
`this_picture`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from imgbot.domain.intents.facts import Intent
from imgbot.domain.intents.words import ParsedText, parse_text
from imgbot.domain.operations import Operation
from imgbot.domain.phrases import normalize
from imgbot.domain.words.chat import ChatState

_COURTESY = re.compile(r"^(?:please|пожалуйста),? |,? (?:please|пожалуйста)$", re.IGNORECASE)


class NamedBy(StrEnum):
    """Way in which a text names a picture."""

    THIS = "this"
    """Without a name: the one replied to, asked about, or the newest."""
    NUMBER = "number"
    """A variant, a photo of an album, or a version, by its number; -1 is the last."""
    NAME = "name"
    """By what it shows: "the ship", "ту, что акварелью"."""
    OTHER = "other"
    """The ones that this is not: "the other one", "другую"."""
    BACK = "back"
    """So many steps back in its history."""
    FORWARD = "forward"
    """So many steps that were undone."""
    FIRST = "first"
    """What all changes began with."""
    BEFORE = "before"
    """The one that was the newest before this: "the other one", "the one before"."""
    ID = "id"
    """By its id, as `name`: chosen from a list, not named in words."""
    ALL = "all"
    """All of an order, of an album, or of those that were named last."""


@dataclass(frozen=True, slots=True)
class Which:
    """Picture that a text means, as far as its words tell."""

    way: NamedBy = NamedBy.THIS
    number: int = 0
    """Number of the picture, or of the steps."""
    name: str = ""
    """Words that name it."""
    and_also: "Which | None" = None
    """The second of two that are named: "the dog goes into the first one"."""


THIS = Which()


@dataclass(frozen=True, slots=True)
class Order:
    """Sure order: a new picture, a change, an operation, another one, or one drawn anew."""

    intent: Intent
    """CREATE, CHANGE, OPERATION, AGAIN or REDRAW."""
    prompt: str = ""
    """Words of the prompt or the change, without a polite beginning and without the name."""
    which: Which = THIS
    operation: Operation | None = None
    scale: int | None = None
    count: int = 1
    """How many, for another one."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Text that may mean one thing or another: the user is asked, and nothing is ordered."""

    order: Order
    """The likelier meaning."""
    among: tuple[str, ...] = ()
    """Ids of the pictures that it may be about; empty if its intent is what is not clear."""


@dataclass(frozen=True, slots=True)
class Talk:
    """Text that orders nothing: it is answered, or asks for what is free."""

    intent: Intent
    """QUESTION, COMMAND, COMPLAINT, SMALL_TALK, CANCEL, HELP, POINTING, or SHOW for history."""
    topic: str = ""
    """Topic of a question, or name of a command: file, delete, receipt, compare, sticker_pack…"""
    which: Which = THIS
    is_guess: bool = field(default=False, compare=False)
    """True where the learned model only takes it for talk as the likeliest meaning."""


Reading = Order | Ask | Talk


@dataclass(frozen=True, slots=True)
class Sentence:
    """Text as readers see it: its words are split once."""

    text: str
    parsed: ParsedText
    whole: str = ""
    """The text with the thanks or praise that were cut off; empty where nothing was."""

    @property
    def plain(self) -> str:
        """The words of the text in lower case, without «ё» and without signs."""
        return " ".join(each.text for each in self.parsed.tokens)

    @property
    def normal(self) -> str:
        """The text as `PhraseLists` reads it, with a comma for each sign."""
        return normalize(self.text)


@dataclass(frozen=True, slots=True)
class Example:
    """Example of a reader, which is a test: a text, and the chat that it is written in."""

    text: str
    after: str = "picture"
    """nothing, photo, picture (drawn), changed, undone, several, reply, prompt, change, scale."""


@dataclass(frozen=True, slots=True)
class WordReader:
    """Row of the table: what it reads, in a line, and two examples that it reads."""

    name: str
    reads: str
    read: Callable[[Sentence, ChatState], Reading | None]
    examples: tuple[Example, Example]
    is_first: bool = False
    """True for a row of a feature that stands before all of the core's."""
    is_of_captions: bool = False
    """True for a row of a feature that reads a photo's caption as well, which is else a change."""


def command_row(
    topic: str, reads: str, asks: re.Pattern[str], examples: tuple[Example, Example]
) -> WordReader:
    """Return the row of a feature for texts and captions that a pattern matches as a whole.

    "Please" and signs at their ends do not count.
    """

    def read(sentence: Sentence, _: ChatState) -> Talk | None:
        plain = " ".join(sentence.text.split()).strip(" .?!")
        is_asked = asks.fullmatch(_COURTESY.sub("", plain))
        return Talk(Intent.COMMAND, topic) if is_asked else None

    return WordReader(topic, reads, read, examples, is_of_captions=True)


def sentence_of(text: str, whole: str = "") -> Sentence:
    return Sentence(text, parse_text(text), whole)
