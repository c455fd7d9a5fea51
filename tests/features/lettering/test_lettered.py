"""Words on a picture as people change them: what was written is kept, and changed for free."""

import pytest
from PIL import Image, ImageChops, ImageStat

from imgbot.domain.texts import t
from tests.fixtures.photos import load_photo
from tests.integration.stage import Message, User, as_jpeg

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

CAT = load_photo("cat").resize((600, 400))
PHOTO = as_jpeg(CAT)


async def like(user: User, shown: Message, words: str, photo: bytes = PHOTO) -> float:
    """Difference of a picture from the photo with these words alone, 0 for none."""
    [sent] = await user.photos(photo)
    fresh = await user.order(words, reply_to=sent.id)
    print(shown.text, "/", fresh.text)
    return difference(await user.image(shown), await user.image(fresh))


def difference(one: Image.Image, other: Image.Image) -> float:
    if one.size != other.size:
        return 255.0
    return max(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean)


async def test_a_second_text_stands_beside_the_first_and_both_can_be_changed(bob: User) -> None:
    await bob.order("подпиши снизу «С добрым утром»", PHOTO)
    both = await bob.order("подпиши сверху «Мурка»")
    other = await bob.order("замени низ на «Доброй ночи»")
    gone = await bob.order("убери текст")
    gone_image = await bob.image(gone)
    back = await bob.order("подпиши снизу «Пока»")

    assert (
        await like(bob, both, "напиши сверху «Мурка», снизу «С добрым утром», обычными буквами") < 1
    )
    assert (
        await like(bob, other, "напиши сверху «Мурка», снизу «Доброй ночи», обычными буквами") < 1
    )
    assert difference(gone_image, CAT) < 3
    assert gone.text == t("ru", "caption_unlettered")
    assert await like(bob, back, "подпиши снизу «Пока»") < 1
