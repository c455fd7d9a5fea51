"""Words on a picture as people change them: what was written is kept, and changed for free."""

import pytest
from PIL import Image, ImageChops, ImageStat

from imgbot.domain.texts import t
from tests.fixtures.photos import load_photo
from tests.integration.stage import Message, Stage, User, as_jpeg

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

CAT = load_photo("cat").resize((600, 400))
PHOTO = as_jpeg(CAT)


async def like(user: User, shown: Message, words: str) -> float:
    """Difference of a picture from the photo with these words alone, 0 for none."""
    [sent] = await user.photos(PHOTO)
    fresh = await user.order(words, reply_to=sent.id)
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

    written = "напиши сверху «Мурка», снизу «{}», обычными буквами"
    assert gone.text == t("ru", "caption_unlettered")
    assert difference(await bob.image(gone), CAT) < 3
    assert await like(bob, both, written.format("С добрым утром")) < 1
    assert await like(bob, other, written.format("Доброй ночи")) < 1


@pytest.mark.usefixtures("undisturbed")
async def test_the_greeting_of_a_card_is_joined_by_words_and_taken_off(bob: User) -> None:
    await bob.order("открытка с 8 марта")
    joined = await bob.order("с текстом «Любимой бабушке!»")
    bare = await bob.order("убери текст")

    assert joined.text == "✏️ открытка: «С 8 Марта! Любимой бабушке!»"
    assert (bare.text, (await bob.image(bare)).size) == ("✏️ Убрал надпись", (1024, 1024))


async def test_words_over_a_providers_picture_change_for_free_and_outlive_a_change_of_it(
    simulated_stage: Stage, anna: User
) -> None:
    await anna.order('a cat, text "HELLO" at the bottom')
    orders, charges = len(await simulated_stage.orders()), await simulated_stage.charges()
    await anna.order("smaller letters")
    bare = await anna.image(await anna.order("remove the text"))
    red = await anna.order('write "BYE" in red')
    assert len(await simulated_stage.orders()) == orders
    assert await simulated_stage.charges() == charges
    assert difference(bare, await anna.image(red)) > 0.5

    await anna.order("put a hat on it")
    task = (await simulated_stage.control.provider())["tasks"][-1]
    assert (task["words"], task["images"]) == ("put a hat on it", 1)
    hat = await anna.order("убери текст")
    assert hat.text == t("ru", "caption_unlettered")
    assert await simulated_stage.charges() == charges + 1


async def test_words_that_have_no_room_or_are_gone_are_said_before_anything_is_made(
    bob: User,
) -> None:
    said = await bob.ask(f'write "{"word " * 120}"', PHOTO)
    assert said.text == t("en", "letters_too_long", count=599, limit=500)

    await bob.order('write "one"', PHOTO)
    await bob.order("upscale")
    assert (await bob.ask("smaller letters")).text == t("en", "letters_fixed")
