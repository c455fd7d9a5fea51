"""Chat as a text is read in it: its pictures by what they show, and the open question. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from imgbot.domain.intents.facts import PendingQuestion
from imgbot.domain.operations import Operation

PICTURES_KEPT = 12
"""Newest pictures of a chat that a text may be about."""

_OWN_S = 15 * 60


@dataclass(frozen=True, slots=True)
class ChatPicture:
    """Picture of the chat: a photo, a result, or one that is being made."""

    id: str
    """Id of its job, or Telegram's unique id of a photo."""
    operation: Operation | None = None
    """Operation that made it; None for a photo."""
    words: tuple[str, ...] = ()
    """The prompt that it was drawn from, and the changes that led to it, the latest last."""
    parent: str = ""
    """Id of the picture that it was made of, or drawn anew from; empty for another."""
    order: str = ""
    """What variants of one order, or photos of one album, share; empty for a picture alone."""
    number: int = 0
    """Place among these, from 1; 0 for a picture alone."""
    age_s: int = 0
    is_own: bool = True
    """True if it was made, or sent, for the user who writes."""
    is_there: bool = True
    """False while it is being made."""


@dataclass(frozen=True, slots=True)
class ChatState:
    """Facts about a chat at the time a text arrives."""

    pictures: tuple[ChatPicture, ...] = ()
    """The newest first; a picture that is shown again is the newest."""
    replied: str = ""
    """Id of the picture that the text replies to; empty for no reply to a picture."""
    pending: PendingQuestion = PendingQuestion.NOTHING
    asked: str = ""
    """Id of the picture that the open question is about."""
    photos: tuple[str, ...] = ()
    """Ids of the photos that the text came with."""
    unclear: str = ""
    """The text that the bot asks about which picture it means."""
    among: tuple[str, ...] = ()
    """Ids of the pictures that it may mean, as the question lists them."""
    undone: tuple[str, ...] = ()
    """Ids of the pictures that were left by going back, the latest first."""
    names: tuple[str, ...] = ()
    """Names that the user who writes has given to photos."""

    @property
    def this(self) -> ChatPicture | None:
        """Picture that a text is about which names none: replied to, else asked about, else new.

        In a group, the user's own is meant while it is not much older than those of others.
        """
        if chosen := self.replied or self.asked:
            return self.picture(chosen) or ChatPicture(chosen)
        newest = self.pictures[0] if self.pictures else None
        own = next((each for each in self.pictures if each.is_own), newest)
        is_recent = newest and own and own.age_s - newest.age_s <= _OWN_S
        return own if is_recent else newest

    @property
    def unchosen(self) -> tuple[str, ...]:
        """Ids of the variants or photos that came last, of which none was chosen yet."""
        newest = self.this
        if newest is None or not newest.order or self.replied or self.asked:
            return ()
        seen = [each for each in self.pictures if each.is_own == newest.is_own]
        together = takewhile(lambda each: each.order == newest.order, seen)
        ids = {each.number: each.id for each in together}
        return tuple(ids[at] for at in sorted(ids)) if newest.number == len(ids) > 1 else ()

    def picture(self, picture_id: str) -> ChatPicture | None:
        """Return the picture with this id."""
        return next((each for each in self.pictures if each.id == picture_id), None)


ABOUT_PHOTO = ChatState((ChatPicture("photo"),), pending=PendingQuestion.CHANGE, asked="photo")
"""Chat in which words can be about one photo alone, as a caption is."""


def history_of(picture: ChatPicture, chat: ChatState) -> Sequence[ChatPicture]:
    """Return what a picture came of, the nearest first."""
    found: list[ChatPicture] = []
    parent = chat.picture(picture.parent)
    while parent and parent not in found:
        found.append(parent)
        parent = chat.picture(parent.parent)
    return found
