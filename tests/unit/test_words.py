"""Words: each row of the table reads its own examples, in the chat that they are written in."""

from collections.abc import Mapping

import pytest

from imgbot.domain.intents import PendingQuestion
from imgbot.domain.operations import Operation
from imgbot.domain.words import READERS
from imgbot.domain.words.chat import ChatPicture, ChatState
from imgbot.domain.words.reading import Example, WordReader, sentence_of

PHOTO = ChatPicture("photo")
DRAWN = ChatPicture("drawn", Operation.CREATE, ("a ship in the fog",))
NIGHT = ChatPicture("night", Operation.EDIT, ("a ship in the fog", "at night"), parent="drawn")
OTHER = ChatPicture("fox", Operation.CREATE, ("a red fox in watercolour",))

CHATS: Mapping[str, ChatState] = {
    "nothing": ChatState(),
    "photo": ChatState((PHOTO,)),
    "picture": ChatState((DRAWN,)),
    "changed": ChatState((NIGHT, DRAWN)),
    "undone": ChatState((DRAWN, NIGHT), undone=("night",)),
    "several": ChatState((OTHER, NIGHT, DRAWN, PHOTO)),
    "reply": ChatState((OTHER, DRAWN), replied="drawn"),
    "prompt": ChatState((DRAWN,), pending=PendingQuestion.PROMPT),
    "change": ChatState((PHOTO,), pending=PendingQuestion.CHANGE, asked="photo"),
    "scale": ChatState((PHOTO,), pending=PendingQuestion.SCALE, asked="photo"),
}


@pytest.mark.parametrize(
    ("row", "example"),
    [
        pytest.param(row, each, id=f"{row.name}-{each.text}")
        for row in READERS
        for each in row.examples
    ],
)
def test_each_row_reads_its_examples(row: WordReader, example: Example) -> None:
    sentence, chat = sentence_of(example.text), CHATS[example.after]

    readers = (each.name for each in READERS if each.read(sentence, chat))

    assert next(readers) == row.name


def test_no_two_rows_have_one_name() -> None:
    assert len({row.name for row in READERS}) == len(READERS)
