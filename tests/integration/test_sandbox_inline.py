"""Inline mode: a question in any chat, results by file_id, and the message that comes of one."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import InlineQueryResultCachedPhoto, Update

from tests.fixtures.bot_api import BotApi, open_desk
from tests.fixtures.sandbox import Clock, Control, InlineAnswer, Person, open_sandbox, picture

Desk = tuple[Control, BotApi, Person]
TOO_OLD = "400 Bad Request: query is too old and response timeout expired or query ID is invalid"
KEYBOARD = {"inline_keyboard": [[{"text": "Again", "callback_data": "again"}]]}


@pytest.fixture
async def desk(clock: Clock) -> AsyncGenerator[Desk]:
    async with open_desk(said="/start", now=clock) as desk:
        yield desk


async def photo_id(api: BotApi, person: Person) -> str:
    sent = await api.call("sendPhoto", {"photo": ("a.jpg", picture())}, chat_id=person.id)
    return sent["photo"][-1]["file_id"]


async def next_query(api: BotApi) -> dict[str, Any]:
    """The inline query that waits last."""
    updates = await api.call("getUpdates", timeout=10, offset=-1)
    Update.model_validate(updates[-1])
    return updates[-1]["inline_query"]


async def offered(
    desk: Desk, results: list[dict[str, Any]], chat_id: int | None = None
) -> InlineAnswer:
    """Ask, have the bot answer with the results, and return what the person sees."""
    control, api, anna = desk
    await api.call("getUpdates", offset=-1)
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(control.ask_inline(anna, "fox", chat_id=chat_id))
        query_id = ""
        while not query_id:
            updates = await api.call("getUpdates", timeout=5, offset=-1)
            query_id = updates[-1].get("inline_query", {}).get("id", "")
        await api.call("answerInlineQuery", inline_query_id=query_id, results=results)
    return asking.result()


async def test_a_chosen_photo_is_sent_via_the_bot(desk: Desk) -> None:
    control, api, anna = desk
    bob = await control.make_user("Bob")
    group = await control.make_group("Friends", [anna, bob])
    handle = await photo_id(api, anna)
    await control.set_inline_feedback(on=True)
    result = {"type": "photo", "id": "1", "photo_file_id": handle, "caption": "<b>A fox</b>"}
    result |= {"parse_mode": "HTML", "reply_markup": KEYBOARD}

    answer = await offered(desk, [result], group)
    sent = await control.choose_inline(answer, "1", group)

    (shown,) = answer.results
    assert (shown["type"], shown["photo"][-1]["file_id"]) == ("photo", handle)
    assert (sent.text, sent.photo_id, sent.raw["via_bot"]["is_bot"]) == ("A fox", handle, True)
    message, chosen = (await api.call("getUpdates"))[-2:]
    for update in (message, chosen):
        Update.model_validate(update)
    assert message["message"]["via_bot"]["id"] == (await control.state())["bot"]["id"]
    assert message["message"]["from"]["id"] == anna.id
    assert (chosen["chosen_inline_result"]["result_id"], message["message"]["chat"]["id"]) == (
        "1",
        group,
    )
    assert (await control.calls())["violations"] == []


async def test_a_message_sent_via_the_bot_is_edited_by_its_inline_id(desk: Desk) -> None:
    control, api, anna = desk
    first, second = await photo_id(api, anna), await photo_id(api, anna)
    result = {"type": "photo", "id": "1", "photo_file_id": first, "reply_markup": KEYBOARD}
    sent = await control.choose_inline(await offered(desk, [result]), "1", anna.id)
    await control.press(anna, sent, "again")

    pressed = (await api.call("getUpdates"))[-1]["callback_query"]
    inline_id = pressed["inline_message_id"]
    media = {"type": "photo", "media": second}
    done = await api.call("editMessageMedia", inline_message_id=inline_id, media=media)
    upload = await api.refusal(
        "editMessageMedia",
        {"p": ("a.jpg", picture())},
        inline_message_id=inline_id,
        media={"type": "photo", "media": "attach://p"},
    )

    assert "message" not in pressed
    assert done is True
    assert (await control.message(anna.id, sent.id)).photo_id == second
    assert upload == "400 Bad Request: wrong file identifier/HTTP URL specified"


async def test_documents_and_articles_are_offered_too(desk: Desk) -> None:
    control, api, anna = desk
    file = await api.call("sendDocument", {"document": ("a.txt", b"words")}, chat_id=anna.id)
    handle = file["document"]["file_id"]
    content = {"message_text": "no pictures yet"}
    results = [
        {"type": "document", "id": "d", "title": "File", "document_file_id": handle},
        {"type": "article", "id": "a", "title": "Nothing", "input_message_content": content},
    ]

    answer = await offered(desk, results)
    sent = await control.choose_inline(answer, "a", anna.id)

    assert [result["id"] for result in answer.results] == ["d", "a"]
    assert answer.results[0]["document"]["file_id"] == handle
    assert sent.text == "no pictures yet"


async def test_a_result_that_telegram_refuses(desk: Desk) -> None:
    control, api, anna = desk
    photo = await photo_id(api, anna)
    good = {"type": "photo", "id": "1", "photo_file_id": photo}
    unparsed = "can't parse inline query result: "
    table: list[tuple[list[dict[str, Any]], str]] = [
        ([good, good], "RESULT_ID_DUPLICATE"),
        ([good | {"id": "x" * 65}], "RESULT_ID_INVALID"),
        ([good | {"id": str(i)} for i in range(51)], "too many inline query results specified"),
        ([{"type": "photo", "id": "1", "photo_url": "https://x.y"}], "WEBDOCUMENT_URL_INVALID"),
        (
            [{"type": "document", "id": "1", "title": "t", "document_file_id": photo}],
            "can't use file of type Photo as Document",
        ),
        (
            [good | {"caption": "<b>", "parse_mode": "HTML"}],
            f"{unparsed}Can't parse entities: Can't find end tag corresponding to start tag \"b\"",
        ),
        ([{"id": "1"}], f'{unparsed}type "" is unsupported for the inline query result'),
    ]

    for results, refusal in table:
        answer = await api.refusal("answerInlineQuery", inline_query_id="1", results=results)
        assert answer == f"400 Bad Request: {refusal}"
    assert (await control.calls())["violations"] == ["an inline result of type  is not simulated"]


async def test_an_inline_query_is_answered_once_and_soon(desk: Desk, clock: Clock) -> None:
    control, api, anna = desk
    with pytest.raises(AssertionError, match="the bot did not answer"):
        await control.ask_inline(anna, "fox", timeout_s=0)
    query = await next_query(api)
    await api.call("answerInlineQuery", inline_query_id=query["id"], results=[])
    twice = await api.refusal("answerInlineQuery", inline_query_id=query["id"], results=[])
    with pytest.raises(AssertionError, match="the bot did not answer"):
        await control.ask_inline(anna, "dog", timeout_s=0)
    late = await next_query(api)
    clock.offset_s += 31
    too_late = await api.refusal("answerInlineQuery", inline_query_id=late["id"], results=[])

    assert (query["query"], query["from"]["id"]) == ("fox", anna.id)
    assert twice == too_late == TOO_OLD
    assert await api.call("getUpdates", offset=-1) == []


async def test_aiogram_answers_an_inline_query() -> None:
    async with open_sandbox() as (sandbox, control):
        session = AiohttpSession(api=TelegramAPIServer.from_base(sandbox.url))
        async with Bot(sandbox.token, session=session) as bot:
            anna = await control.make_user("Anna")
            (sent,) = await control.send_photos(anna, [picture()])
            result = InlineQueryResultCachedPhoto(id="1", photo_file_id=sent.photo_id or "")
            await bot.get_updates(offset=-1)
            async with asyncio.TaskGroup() as tasks:
                asking = tasks.create_task(control.ask_inline(anna, "fox"))
                query = None
                while query is None:
                    query = (await bot.get_updates(offset=-1, timeout=5))[-1].inline_query
                await bot.answer_inline_query(query.id, [result], is_personal=True)
            await control.choose_inline(asking.result(), "1", anna.id)
            message = (await bot.get_updates(offset=-1))[-1].message

        assert message is not None
        assert message.via_bot is not None
        assert (await control.calls())["violations"] == []
