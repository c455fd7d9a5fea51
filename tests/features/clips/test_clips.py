"""Words for a moving picture: answered honestly, and nothing is ordered for them."""

import pytest

from imgbot.domain.operations import Operation
from imgbot.domain.texts import t
from imgbot.domain.words import read
from imgbot.domain.words.chat import ChatPicture, ChatState
from imgbot.domain.words.reading import Talk
from imgbot.features.clips import ROW, TOPIC
from tests.integration.stage import User

CHAT = ChatState((ChatPicture("p", Operation.CREATE, ("a fox",)),))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "animate it",
            "make it move, please",
            "make a 5 second clip",
            "turn this photo into a gif",
        ),
        *("make me a short video of it", "Make her come alive!", "оживи", "оживите это фото"),
        *(
            "пусть двигается",
            "сделай, чтобы она двигалась",
            "сделай гифку",
            "сделай короткое видео",
        ),
        *("анимируй её", "сделай 5-секундный ролик из этой картинки", "преврати фото в анимацию"),
    ],
)
def test_words_for_a_moving_picture_are_no_order(text: str) -> None:
    found = read(text, CHAT, [ROW])

    assert isinstance(found, Talk)
    assert found.topic == TOPIC


@pytest.mark.parametrize(
    "text",
    [
        *("an animated fox", "make it move to the left", "a video camera", "make a movie poster"),
        *("a clip art of a cat", "make the fox a gif icon", "оживи цвета", "пусть двигается поезд"),
        *("кадр из видео", "сделай обложку для клипа", "пусть она оживлённо говорит"),
    ],
)
def test_words_that_mean_a_still_picture_are_read_as_before(text: str) -> None:
    assert read(text, CHAT, [ROW]) == read(text, CHAT)


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_who_asks_for_a_clip_is_told_and_nothing_is_ordered(bob: User) -> None:
    await bob.order("a red fox")

    answer = await bob.ask("make a 5 second clip")

    assert answer.text == t("en", "clips_none")
