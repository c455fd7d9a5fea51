"""Stickers: sent once, and collected in packs that are the user's own."""

import io
from typing import Any

import pytest
from PIL import Image, ImageStat

from imgbot.domain.texts import t
from tests.fixtures.flat_pictures import toy
from tests.fixtures.sandbox import Message
from tests.fixtures.waiting import eventually
from tests.integration.stage import BOT_NAME, Stage, User, as_jpeg, has_buttons, is_picture

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

TOY = as_jpeg(toy((160, 200)))
PACK = "➕ Add to my pack"


def is_sticker(message: Message) -> bool:
    return "sticker" in message.raw


def has_link(message: Message) -> bool:
    return "t.me/addstickers/" in message.text


async def packs_of(user: User) -> dict[str, int]:
    """Number of stickers in each of the user's packs."""
    sets = user.stage.sandbox.state.sticker_sets
    return {name: len(each.stickers) for name, each in sets.items() if each.user_id == user.id}


def pack(user: User, number: int) -> str:
    return f"u{user.id}_{number}_by_{BOT_NAME[1:]}"


async def test_a_photo_becomes_a_sticker_that_costs_nothing(simulated_stage: Stage) -> None:
    user = await simulated_stage.user("Anna", language="ru")

    sticker = await user.ask("сделай стикер", TOY, fits=is_sticker)

    [result] = await user.results()
    assert sticker.reply_to == result.id
    assert result.text.splitlines()[0] == t("ru", "caption_sticker")
    content = await user.control.file(sticker.raw["sticker"]["file_id"])
    image = Image.open(io.BytesIO(content))
    assert (image.format, max(image.size), image.mode) == ("WEBP", 512, "RGBA")
    assert len(content) <= 512_000
    alpha = image.getchannel("A")
    assert alpha.getpixel((0, 0)) == 0
    # Around the red ball is a white rim.
    box = alpha.point([255 * (value > 250) for value in range(256)]).getbbox()
    assert box is not None
    top = image.convert("RGB").crop(
        (image.width // 2, box[1] + 1, image.width // 2 + 9, box[1] + 4)
    )
    assert min(ImageStat.Stat(top).mean) > 235
    # A reply to the sticker is about its picture.
    await user.ask("ярче", reply_to=sticker.id, fits=is_picture)
    assert [order.partition(" ")[0] for order in await simulated_stage.orders()] == ["edit"]


async def test_stickers_are_collected_in_the_users_pack(simulated_stage: Stage) -> None:
    user = await simulated_stage.user("Ann" * 30)
    first = await user.ask("sticker", TOY, fits=is_sticker)

    await user.control.fault("createNewStickerSet", "drop_after")
    added = await user.click(first, PACK, has_link)
    [result] = await user.results()
    # A cut-out is not cut out again: another sticker of it is the same.
    again = await user.click(result, "🏷", is_sticker)
    await user.click(again, PACK, has_link)

    assert pack(user, 1) in added.text
    assert await packs_of(user) == {pack(user, 1): 1}
    [made] = simulated_stage.sandbox.state.sticker_sets.values()
    assert len(made.title) == 64
    assert made.title.endswith(f" · {BOT_NAME}")
    # Full; then deleted by the user.
    await user.control.fault(
        "addStickerToSet", "error", error_code=400, description="Bad Request: STICKERS_TOO_MUCH"
    )
    other = await user.ask("sticker", as_jpeg(toy((200, 160))), fits=is_sticker)
    assert pack(user, 2) in (await user.click(other, PACK, has_link)).text
    simulated_stage.sandbox.state.sticker_sets.clear()
    third = await user.ask("sticker", as_jpeg(toy((160, 160))), fits=is_sticker)
    assert pack(user, 1) in (await user.click(third, PACK, has_link)).text

    forgotten = await user.ask("/forget_me", fits=has_buttons)
    await user.control.click(user.person, forgotten, t("en", "button_forget"))
    await eventually(lambda: packs_of(user), lambda found: not found)


LOST = [
    ({"kind": "flood"}, ["sticker"]),
    ({"kind": "drop_after"}, ["sticker", "sticker_unsure"]),
    (
        {"kind": "error", "error_code": 400, "description": "Bad Request: not enough rights"},
        ["sticker_unsure"],
    ),
]


@pytest.mark.parametrize(("fault", "shown"), LOST)
async def test_a_sticker_is_sent_at_most_once_and_its_loss_is_told(
    anna: User, fault: dict[str, Any], shown: list[str]
) -> None:
    await anna.control.fault("sendSticker", chat_id=anna.id, **fault)
    told = t("en", "sticker_unsure")

    await anna.ask("sticker", TOY, fits=lambda m: is_sticker(m) or m.text == told)

    heard = await anna.heard()
    found = ["sticker" if is_sticker(each) else "sticker_unsure" for each in heard
             if is_sticker(each) or each.text == told]  # fmt: skip
    assert sorted(found) == shown
    assert len(await anna.results()) == 1


async def test_a_sticker_is_not_sent_again_after_a_kill(simulated_stage: Stage) -> None:
    user, bot = await simulated_stage.user("Eva"), simulated_stage.bot
    await user.control.fault("sendSticker", "delay", delay_s=600, chat_id=user.id)
    await user.ask("sticker", TOY, fits=is_picture)

    async def has_it() -> bool:
        return not len(simulated_stage.sandbox.state.faults)

    await eventually(has_it, what="Telegram has the call")
    await bot.kill()
    await user.control.clear_faults()
    await user.wait(is_sticker)
    await bot.start()
    await user.wait(lambda m: m.text == t("en", "sticker_unsure"))

    assert len(list(filter(is_sticker, await user.heard()))) == 1
    assert len(await user.results()) == 1
