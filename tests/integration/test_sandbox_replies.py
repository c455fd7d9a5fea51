"""What the bot sends beyond plain messages: quotes, forced replies, pictures by handle."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import ForceReply, InputMediaPhoto, Message, ReplyParameters

from tests.fixtures.bot_api import BotApi, open_desk
from tests.fixtures.sandbox import Control, Person, open_sandbox, picture

Desk = tuple[Control, BotApi, Person]


@pytest.fixture
async def desk() -> AsyncGenerator[Desk]:
    async with open_desk(said="a fox, a dog, a fox") as desk:
        yield desk


async def sent_photos(api: BotApi, person: Person, count: int) -> list[dict[str, Any]]:
    colors = ("red", "green", "blue")[:count]
    return [
        await api.call("sendPhoto", {"photo": ("a.jpg", picture(color=c))}, chat_id=person.id)
        for c in colors
    ]


@pytest.mark.parametrize(
    ("parameters", "quote"),
    [
        ({"quote": "a fox"}, {"text": "a fox", "position": 0}),
        ({"quote": "a fox", "quote_position": 12}, {"text": "a fox", "position": 14}),
        (
            {"quote": "<b>a dog</b>", "quote_parse_mode": "HTML"},
            {
                "text": "a dog",
                "position": 7,
                "entities": [{"type": "bold", "offset": 0, "length": 5}],
            },
        ),
    ],
    ids=["first", "nearest", "formatted"],
)
async def test_the_bot_quotes_what_it_answers(
    desk: Desk, parameters: dict[str, Any], quote: dict[str, Any]
) -> None:
    control, api, anna = desk
    (asked,) = await control.messages(anna.id)

    answer = await api.call(
        "sendMessage",
        chat_id=anna.id,
        text="which one?",
        reply_parameters={"message_id": asked.id} | parameters,
    )

    assert answer["quote"] == quote | {"is_manual": True}
    assert answer["reply_to_message"]["message_id"] == asked.id
    assert (await control.calls())["violations"] == []


async def test_a_quote_that_is_not_there_is_refused(desk: Desk) -> None:
    control, api, anna = desk
    (asked,) = await control.messages(anna.id)

    answer = await api.refusal(
        "sendMessage",
        chat_id=anna.id,
        text="which one?",
        reply_parameters={"message_id": asked.id, "quote": "a cat"},
    )

    assert answer == "400 Bad Request: QUOTE_TEXT_INVALID"


async def test_a_forced_reply_is_seen_by_people_and_not_in_the_message(desk: Desk) -> None:
    control, api, anna = desk
    markup = {"force_reply": True, "selective": True, "input_field_placeholder": "What to change?"}

    answer = await api.call("sendMessage", chat_id=anna.id, text="Say it", reply_markup=markup)
    await api.call(
        "sendMessage",
        chat_id=anna.id,
        text="Say it",
        reply_markup=markup | {"input_field_placeholder": "x" * 65},
    )

    assert "reply_markup" not in answer
    shown = await control.message(anna.id, answer["message_id"])
    assert shown.force_reply == {"selective": True, "placeholder": "What to change?"}
    violations = (await control.calls())["violations"]
    assert violations == ["input_field_placeholder of more than 64 characters"]


async def test_a_strip_of_pictures_is_browsed_by_handle(desk: Desk) -> None:
    control, api, anna = desk
    first, second = [sent["photo"] for sent in await sent_photos(api, anna, 2)]
    strip = await api.call("sendPhoto", chat_id=anna.id, photo=first[-1]["file_id"])
    place: dict[str, Any] = {"chat_id": anna.id, "message_id": strip["message_id"]}
    keyboard = {"inline_keyboard": [[{"text": "◀", "callback_data": "h:0"}]]}
    media = {"type": "photo", "media": second[0]["file_id"], "caption": "2 of 2"}

    turned = await api.call("editMessageMedia", **place, media=media, reply_markup=keyboard)
    captioned = await api.call("editMessageCaption", **place, caption="the last")

    assert strip["photo"][-1]["file_unique_id"] == first[-1]["file_unique_id"]
    assert turned["photo"] == second
    assert (turned["caption"], turned["reply_markup"]) == ("2 of 2", keyboard)
    assert captioned["photo"] == second
    assert "reply_markup" not in captioned
    assert (await control.message(anna.id, strip["message_id"])).edits == 2


async def test_an_album_of_handles_keeps_their_files(desk: Desk) -> None:
    _, api, anna = desk
    photos = [sent["photo"][-1] for sent in await sent_photos(api, anna, 3)]
    file = await api.call("sendDocument", {"document": ("a.txt", b"words")}, chat_id=anna.id)
    items = [{"type": "photo", "media": photo["file_id"]} for photo in photos]
    document = {"type": "document", "media": file["document"]["file_id"]}

    sent = await api.call("sendMediaGroup", chat_id=anna.id, media=items)
    mixed = await api.refusal("sendMediaGroup", chat_id=anna.id, media=[*items, document])
    as_photo = await api.refusal(
        "sendMediaGroup", chat_id=anna.id, media=[items[0], document | {"type": "photo"}]
    )
    long = await api.refusal(
        "sendMediaGroup", chat_id=anna.id, media=[items[0] | {"caption": "x" * 1025}, items[1]]
    )

    unique = [message["photo"][-1]["file_unique_id"] for message in sent]
    assert unique == [photo["file_unique_id"] for photo in photos]
    assert mixed == "400 Bad Request: document can't be mixed with other media types"
    assert as_photo == "400 Bad Request: can't use file of type Document as Photo"
    assert long == "400 Bad Request: message caption is too long"


async def test_aiogram_quotes_forces_replies_and_browses() -> None:
    async with open_sandbox() as (sandbox, control):
        session = AiohttpSession(api=TelegramAPIServer.from_base(sandbox.url))
        async with Bot(sandbox.token, session=session) as bot:
            anna = await control.make_user("Anna")
            (photo, other) = await control.send_photos(anna, [picture(), picture()], caption="fox")
            asked = await bot.send_message(
                anna.id,
                "what shall I change?",
                reply_parameters=ReplyParameters(message_id=photo.id, quote="fox"),
                reply_markup=ForceReply(selective=True, input_field_placeholder="redder"),
            )
            strip = await bot.send_photo(anna.id, photo.photo_id or "", has_spoiler=True)
            turned = await bot.edit_message_media(
                InputMediaPhoto(media=other.photo_id or ""),
                chat_id=anna.id,
                message_id=strip.message_id,
            )

        assert asked.quote is not None
        assert asked.quote.text == "fox"
        assert isinstance(turned, Message)
        assert turned.photo is not None
        assert turned.photo[-1].file_unique_id == other.photo_unique_id
        assert (await control.calls())["violations"] == []
