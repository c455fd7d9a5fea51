"""Facts about a chat, and the intents of a text in it."""

from dataclasses import dataclass
from enum import StrEnum

from imgbot.domain.operations import Operation


class Intent(StrEnum):
    """Intent of a text."""

    CREATE = "create"
    CHANGE = "change"
    AGAIN = "again"
    UNDO = "undo"
    OPERATION = "operation"
    CANCEL = "cancel"
    HELP = "help"
    COMMAND = "command"
    QUESTION = "question"
    COMPLAINT = "complaint"
    SMALL_TALK = "small_talk"
    POINTING = "pointing"
    REDRAW = "redraw"
    """This picture drawn anew, with options or a change of its prompt."""
    SHOW = "show"
    """A picture that there is, shown again."""


class PendingQuestion(StrEnum):
    """Question of the bot that still waits for its answer."""

    NOTHING = ""
    PROMPT = "prompt"
    """Words for a new picture."""
    CHANGE = "change"
    """Words for the photos at hand."""
    SCALE = "scale"
    PHOTO = "photo"


@dataclass(frozen=True, slots=True)
class ChatFacts:
    """Facts about the chat at the time a text arrives."""

    has_picture: bool = False
    """True if the chat has a picture that can be changed."""
    picture_age_s: float = 0
    is_reply_to_picture: bool = False
    pending: PendingQuestion = PendingQuestion.NOTHING
    latest_prompt: str = ""
    """The prompt of that picture."""
    other_words: tuple[str, ...] = ()
    """Words of each other picture of the chat."""

    @property
    def context(self) -> str:
        """Name of the context, as in the utterances."""
        if self.is_reply_to_picture:
            return "reply"
        return self.pending.value or ("picture" if self.has_picture else "nothing")


@dataclass(frozen=True, slots=True)
class Classification:
    """The intent of a text; only a sure one may become an order."""

    intent: Intent
    is_sure: bool = True
    prompt: str = ""
    """The text of a prompt without its polite beginning."""
    operation: Operation | None = None
    scale: int | None = None
    probability: float = 0
    """How likely the model finds this intent."""
    topic: str = ""
    """Topic of a question (price, privacy, provider, status, abilities), or a command's name."""
