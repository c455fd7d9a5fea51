"""aiogram itself talks to the sandbox as it talks to Telegram."""

import io
from collections.abc import AsyncGenerator

import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramRetryAfter,
)
from aiogram.types import (
    BotCommand,
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    Message,
    ReplyParameters,
)
from PIL import Image

from tests.fixtures.sandbox import Control, open_sandbox, picture

Desk = tuple[Control, Bot]


@pytest.fixture
async def desk() -> AsyncGenerator[Desk]:
    async with open_sandbox() as (sandbox, control):
        server = TelegramAPIServer.from_base(sandbox.url)
        async with Bot(sandbox.token, session=AiohttpSession(api=server)) as bot:
            yield control, bot


async def test_a_photo_is_received_and_answered_with_another(desk: Desk) -> None:
    control, bot = desk
    anna = await control.make_user("Anna", language_code="ru")
    await control.send_photos(anna, [picture(900, 600)], caption="make it blue")

    (update,) = await bot.get_updates(timeout=5)
    assert update.message is not None
    assert update.message.photo is not None
    source = await bot.download(update.message.photo[-1].file_id)
    status = await bot.send_message(
        anna.id, "Working", reply_parameters=ReplyParameters(message_id=update.message.message_id)
    )
    await bot.send_chat_action(anna.id, "upload_photo")
    made = BufferedInputFile(picture(1024, 1024, color="blue"), "made.jpg")
    edited = await bot.edit_message_media(
        InputMediaPhoto(media=made, caption="Done"),
        chat_id=anna.id,
        message_id=status.message_id,
    )

    assert source is not None
    with Image.open(source) as received:
        assert received.size == (900, 600)
    assert isinstance(edited, Message)
    assert edited.photo is not None
    assert edited.reply_to_message is not None
    with Image.open(io.BytesIO(await control.file(edited.photo[-1].file_id))) as delivered:
        assert delivered.size == (1024, 1024)
    assert (await control.calls())["violations"] == []


async def test_buttons_commands_and_documents(desk: Desk) -> None:
    control, bot = desk
    anna = await control.make_user("Anna")
    await control.say(anna, "/start")
    buttons = [[InlineKeyboardButton(text="Again", callback_data="again", style="primary")]]
    keyboard = InlineKeyboardMarkup(inline_keyboard=buttons)

    sent = await bot.send_photo(
        anna.id, BufferedInputFile(picture(), "made.jpg"), caption="Made", reply_markup=keyboard
    )
    await control.click(anna, await control.message(anna.id, sent.message_id), "Again")
    press = (await bot.get_updates())[-1].callback_query
    assert press is not None
    assert press.data == "again"
    assert await press.answer("On it", show_alert=False).as_(bot)
    document = await bot.send_document(anna.id, BufferedInputFile(b"words", "note.txt"))
    await bot.set_my_commands([BotCommand(command="start", description="Begin")])

    assert document.document is not None
    assert document.document.file_name == "note.txt"
    assert [command.command for command in await bot.get_my_commands()] == ["start"]
    assert (await bot.get_me()).username == (await control.state())["bot"]["username"]
    assert (await control.calls())["violations"] == []


async def test_refusals_become_aiograms_exceptions(desk: Desk) -> None:
    control, bot = desk
    anna = await control.make_user("Anna")

    with pytest.raises(TelegramForbiddenError, match="can't initiate conversation"):
        await bot.send_message(anna.id, "hello")
    await control.say(anna, "hello")
    with pytest.raises(TelegramBadRequest, match="message is too long"):
        await bot.send_message(anna.id, "x" * 4097)
    with pytest.raises(TelegramEntityTooLarge):
        await bot.send_document(anna.id, BufferedInputFile(bytes(50 * 2**20 + 1), "large.bin"))
    await control.fault("sendMessage", "flood", retry_after_s=4)
    with pytest.raises(TelegramRetryAfter) as flood:
        await bot.send_message(anna.id, "x")
    await control.fault("sendMessage", "drop_after")
    with pytest.raises(TelegramNetworkError):
        await bot.send_message(anna.id, "x")

    assert flood.value.retry_after == 4
    assert len(await control.messages(anna.id)) == 2
