"""Naming: pictures by number, and by the name that people give them. Pure."""

from imgbot.domain.words.chat import ChatState
from imgbot.domain.words.reading import THIS, Sentence, Which


def picture_named_in(sentence: Sentence, chat: ChatState) -> tuple[Which, Sentence]:
    """Return the picture that a text names, and the text without its name where that is apart.

    "The second one brighter" and "now the ship: make it bigger" are "it brighter" and "make it
    bigger" about that picture; "the ship needs a flag" stays as it is. THIS for no name.
    """
    del chat
    return THIS, sentence
