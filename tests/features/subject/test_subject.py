"""A subject that was put into another picture is moved and scaled, not the picture."""

import io

import pytest
from PIL import Image, ImageChops

from imgbot.domain.texts import t
from imgbot.features.subject.moves import asks_behind, move_in
from tests.integration.stage import User, jpeg, title

CAT, ASTRONAUT = jpeg("cat"), jpeg("astronaut")


@pytest.mark.parametrize(
    ("text", "placed", "size", "right", "down"),
    [
        ("smaller", "put me on a beach", -1, 0, 0),
        ("make me smaller", "put me in front of the tower", -1, 0, 0),
        ("make the cat a bit bigger and more to the left", "put the cat on a beach", 1, -1, 0),
        ("чуть поменьше и левее", "помести меня на фоне башни", -1, -1, 0),
        ("подвинь кота вправо и повыше", "помести кота на пляж", 0, 1, -1),
    ],
)
def test_a_text_tells_the_size_and_the_way(
    text: str, placed: str, size: int, right: int, down: int
) -> None:
    move = move_in(text, placed)

    assert move
    found = (move.size - 1, move.right, move.down)
    assert [(each > 0) - (each < 0) for each in found] == [size, right, down]


@pytest.mark.parametrize(
    "text",
    ["make the tower smaller", "smaller file", "brighter", "make it", "a smaller dog", "левый"],
)
def test_other_words_move_nothing(text: str) -> None:
    assert move_in(text, "put me in front of the tower") is None
    assert not asks_behind(text)


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("photos", "words", "moves"),
    [
        ((ASTRONAUT,), "put me on a beach", ("smaller", "more to the left", "undo")),
        ((ASTRONAUT, CAT), "поставь 1 перед 2", ("чуть поменьше", "левее", "верни назад")),
    ],
)
async def test_the_subject_is_moved_in_the_same_picture(
    bob: User, photos: tuple[bytes, ...], words: str, moves: tuple[str, str, str]
) -> None:
    placed = await bob.order(words, *photos)
    smaller, left, back = [await bob.order(each) for each in moves]

    first, second, third = [await bob.image(each) for each in (placed, smaller, left)]
    assert first.size == second.size == third.size
    assert smaller.text == f"✏️ {moves[0]}"
    # The sky, or the wall, stays.
    corners = [
        each.crop((each.width - 40, 0, each.width, 40)).convert("RGB")
        for each in (first, second, third)
    ]
    assert all(_unlike(corners[0], each) < 12 for each in corners[1:])
    assert _unlike(first.convert("RGB"), second.convert("RGB")) > 60
    assert back.photo_unique_id == smaller.photo_unique_id

    language = "en" if words.isascii() else "ru"
    behind = "behind the fence" if words.isascii() else "за забор"
    await bob.ask(behind, fits=lambda m: m.text == t(language, "subject_behind"))


def _unlike(one: Image.Image, other: Image.Image) -> int:
    """Largest difference of two pictures."""
    difference = ImageChops.difference(one, other).convert("L")
    return max(value for value, count in enumerate(difference.histogram()) if count)


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("words", "caption", "is_reply"),
    [
        ("put me before the tower", "", False),
        ("put me in front of the Eiffel tower", "here", True),
        ("помести меня перед башней", "вот башня", False),
        ("поставь меня на фоне башни", "помести меня сюда", True),
    ],
)
async def test_a_photo_of_a_place_that_cannot_be_drawn_ends_the_question(
    bob: User, words: str, caption: str, is_reply: bool
) -> None:
    await bob.photos(ASTRONAUT, caption=words)
    asked = (await bob.heard())[-1]
    if not is_reply and not caption:
        await bob.stage.bot.stop()
        await bob.stage.bot.start()

    merged = await bob.order(caption, CAT, **({"reply_to": asked.id} if is_reply else {}))

    place, picture = Image.open(io.BytesIO(CAT)), await bob.image(merged)
    assert picture.width / picture.height == pytest.approx(place.width / place.height, rel=0.02)
    # The sky of the place.
    box = (0, 0, place.width // 8, place.height // 8)
    same = picture.resize(place.size).convert("RGB").crop(box)
    assert _unlike(same, place.convert("RGB").crop(box)) < 60


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_another_wish_with_the_photo_of_a_place_wins(bob: User) -> None:
    await bob.photos(ASTRONAUT, caption="put me before the tower")
    await bob.heard()

    changed = await bob.order("make it brighter", CAT)
    await bob.ask("", CAT, fits=lambda m: m.text == t("en", "ask_photo_action"))

    assert title(changed) == "✏️ make it brighter"
