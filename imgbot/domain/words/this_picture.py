"""This picture: finds which picture of the chat a text means. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from imgbot.domain.words.chat import ChatPicture, ChatState
from imgbot.domain.words.reading import NamedBy, Which


@dataclass(frozen=True, slots=True)
class Found:
    """Pictures that are meant; several candidates where it is not clear which."""

    pictures: tuple[ChatPicture, ...] = ()
    among: tuple[ChatPicture, ...] = ()
    """Candidates to ask about; empty where it is clear."""


def this_picture(which: Which, chat: ChatState) -> Found:
    """Return the pictures that a text means, or those among which it does not choose."""
    match which.way:
        case NamedBy.THIS:
            return _one(chat.this)
        case NamedBy.ID:
            return _one(chat.picture(which.name))
        case _:
            return Found()


def _one(picture: ChatPicture | None) -> Found:
    return Found((picture,) if picture else ())


def history_of(picture: ChatPicture, chat: ChatState) -> Sequence[ChatPicture]:
    """Return what a picture came of, the nearest first."""
    found: list[ChatPicture] = []
    parent = chat.picture(picture.parent)
    while parent and parent not in found:
        found.append(parent)
        parent = chat.picture(parent.parent)
    return found
