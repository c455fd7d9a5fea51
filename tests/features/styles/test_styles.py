"""Photo styles: their menu, and words that ask for them."""

import pytest

from imgbot.domain.texts import t
from imgbot.storage import keys
from tests.integration.stage import Stage, has_buttons, is_picture, jpeg

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


async def test_menu_is_uploaded_once_and_can_be_used_again(builtin_stage: Stage) -> None:
    user = await builtin_stage.user()
    menus = []
    for _ in range(2):
        after = await user.control.last_seq()
        await user.photos(jpeg("cat", (320, 240)))
        question = await user.wait(has_buttons, after=after)
        menus.append(await user.click(question, t("en", "button_style"), is_picture))

    painted = [await user.click(menus[1], label, is_picture) for label in ("1", "7")]
    new = await user.order("a fox")

    assert menus[0].text == menus[1].text == t("en", "ask_photo_style")
    assert menus[0].photo_unique_id == menus[1].photo_unique_id
    # Van Gogh is blue, and the mosaic light, whatever the cat is.
    assert [each.text for each in painted] == [
        "✏️ " + t("en", "in_photo_style", name=name) for name in ("Van Gogh", "mosaic")
    ]
    assert new.text.startswith("a fox")


async def test_a_menu_paints_the_photo_it_was_opened_for(builtin_stage: Stage) -> None:
    user = await builtin_stage.user()
    question = await user.ask("", jpeg("cat", (320, 240)))
    menu = await user.click(question, t("en", "button_style"), is_picture)
    await user.say("/merge")
    await user.photos(jpeg("astronaut", (240, 320)))

    painted = await user.click(menu, "1", is_picture)
    await user.photos(jpeg("cat", (300, 300)))
    collected = await user.wait(lambda m: m.text == t("en", "merge_count", count=2))

    assert (await user.image(painted)).size == (320, 240)
    assert has_buttons(collected)


async def test_a_menu_of_a_picture_that_is_not_recent(builtin_stage: Stage) -> None:
    user = await builtin_stage.user()
    fox = await user.order("a fox")
    of_fox = await user.ask("/styles", reply_to=fox.id, fits=is_picture)
    [cat] = await user.photos(jpeg("cat", (320, 240)))
    of_cat = await user.ask("/styles", reply_to=cat.id, fits=is_picture)
    async with builtin_stage.bot.redis() as redis:
        await redis.delete(f"{keys.RECENT}{user.chat_id}.0")

    painted = await user.click(of_fox, "1", is_picture)
    said = await user.toast(of_cat, "1")
    await user.ask("/styles", reply_to=cat.id, fits=is_picture)
    as_advised = await user.click(of_cat, "7", is_picture)

    assert said == t("en", "style_photo_gone")
    assert "n the style “Van Gogh”" in painted.text
    assert t("en", "in_photo_style", name="mosaic") in as_advised.text


async def test_styles_are_found_by_words_in_reply_to_a_picture(builtin_stage: Stage) -> None:
    user = await builtin_stage.user(language="ru")
    [photo] = await user.photos(jpeg("cat", (320, 240)))

    painted = await user.ask("как Ван Гог", reply_to=photo.id, fits=is_picture)
    menu = await user.ask("/styles", reply_to=photo.id, fits=is_picture)

    assert "В стиле «Ван Гог»" in painted.text
    assert menu.text == t("ru", "ask_photo_style")


async def test_any_picture_gives_its_style(builtin_stage: Stage) -> None:
    user = await builtin_stage.user()
    [example] = await user.photos(jpeg("astronaut", (320, 240)))
    photo = jpeg("cat", (240, 320))
    done = "🖼 In the style of the picture"

    at_once = await user.ask("in this style", photo, reply_to=example.id, fits=is_picture)
    question = await user.ask("in this style", reply_to=example.id)
    second = await user.ask("", photo, fits=is_picture)
    first = await user.ask("make it in that style", photo)
    third = await user.ask("", jpeg("astronaut", (320, 240)), fits=is_picture)

    assert question.text == t("en", "ask_style_photo")
    assert first.text == t("en", "ask_style_example")
    for painted in (at_once, second, third):
        assert painted.text == done
        # The cat's shape, not the astronaut's.
        assert (await user.image(painted)).size == (240, 320)


async def test_a_caption_that_asks_for_something_else_ends_the_question(
    builtin_stage: Stage,
) -> None:
    user = await builtin_stage.user()
    [example] = await user.photos(jpeg("astronaut", (320, 240)))
    await user.ask("in this style", reply_to=example.id)

    changed = await user.ask("black and white", jpeg("cat", (240, 320)), fits=is_picture)
    darker = await user.ask("no, just darker", fits=is_picture)

    assert changed.text == "✏️ black and white"
    assert darker.text.startswith("✏️ darker")
    assert (await user.image(darker)).size == (240, 320)


async def test_a_menu_is_no_photo_itself(builtin_stage: Stage) -> None:
    user = await builtin_stage.user()
    photo = jpeg("cat", (320, 240))
    question = await user.ask("", photo)
    menu = await user.click(question, t("en", "button_style"), is_picture)

    for sent in ((), (photo,)):
        refusal = await user.ask("as Van Gogh", *sent, reply_to=menu.id)
        assert refusal.text == t("en", "style_no_photo")
    # The question has a button of the menu, and is about a photo.
    painted = await user.ask("as Van Gogh", photo, reply_to=question.id, fits=is_picture)
    assert "n the style “Van Gogh”" in painted.text
