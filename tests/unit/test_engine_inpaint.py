"""What the built-in engine does in a marked part of a photo."""

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageStat

from imgbot.domain.errors import UserError
from imgbot.painter.engine import filling
from imgbot.painter.engine.inpaint import inpaint
from tests.fixtures.photos import load_photo

CAT = load_photo("cat")
MASK = Image.new("L", CAT.size)
ImageDraw.Draw(MASK).ellipse((220, 180, 290, 240), 255)
FAR = ImageChops.invert(Image.new("L", CAT.size))
ImageDraw.Draw(FAR).rectangle((200, 160, 310, 260), 0)


@pytest.mark.parametrize(
    ("prompt", "applied"),
    [
        ("убери это", "removed"),
        ("Remove this, please", "removed"),
        ("убери красную машину", "removed"),
        ("make this red", "recoloured|red"),
        ("сделай волосы рыжими", "recoloured|orange"),
        ("синий", "recoloured|blue"),
        ("размой это", "blur"),
        ("make it much darker", "darker|much"),
    ],
)
def test_words_change_the_marked_part_alone(prompt: str, applied: str) -> None:
    outcome = inpaint(CAT, MASK, prompt)

    changed = ImageChops.difference(outcome.image, CAT)
    assert outcome.applied == (applied,)
    assert ImageStat.Stat(changed, MASK).sum[0] > 0
    assert ImageStat.Stat(changed, FAR).sum == [0, 0, 0]


@pytest.mark.parametrize(
    "prompt", ["put a hat here", "a red hat", "mirror it", "rotate", "with a frame", "🤷"]
)
def test_what_cannot_be_done_there_is_told(prompt: str) -> None:
    with pytest.raises(UserError, match="area_words_unknown"):
        inpaint(CAT, MASK, prompt)


@pytest.mark.parametrize("has_texture", [True, False])
def test_a_thing_gives_way_to_its_surroundings(
    monkeypatch: pytest.MonkeyPatch, has_texture: bool
) -> None:
    monkeypatch.setattr(filling, "has_texture", lambda: has_texture)
    wall = Image.effect_noise((300, 200), 12).convert("RGB")
    marked, hole = wall.copy(), Image.new("L", wall.size)
    ImageDraw.Draw(marked).rectangle((120, 80, 170, 120), "red")
    ImageDraw.Draw(hole).rectangle((115, 75, 175, 125), 255)

    filled = filling.fill_hole(marked, hole)

    inside = ImageStat.Stat(filled.crop((120, 80, 170, 120)))
    assert all(abs(mean - 128) < 10 for mean in inside.mean)
    # A smooth patch shows on a rough wall.
    assert (inside.stddev[0] > 5) is has_texture


@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize("size", [(16, 16), (4000, 100)])
def test_a_mask_of_nothing_or_of_everything_leaves_the_picture(
    size: tuple[int, int], value: int
) -> None:
    photo = CAT.resize(size)
    assert inpaint(photo, Image.new("L", size, value), "remove this").image == photo
