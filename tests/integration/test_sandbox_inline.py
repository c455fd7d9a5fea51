"""Inline mode: a question in any chat, results by file_id, and the message that comes of one."""

from typing import Any

import pytest
from aiogram.types import Update

from tests.fixtures.bot_api import BotApi, Setup
from tests.fixtures.sandbox import Clock, Person, picture

TOO_OLD = "400 Bad Request: query is too old and response timeout expired or query ID is invalid"


BOT_API = {"said": "/start"}


async def photo_id(api: BotApi, person: Person) -> str:
    sent = await api.call("sendPhoto", {"photo": ("a.jpg", picture())}, chat_id=person.id)
    return sent["photo"][-1]["file_id"]


async def next_query(api: BotApi) -> dict[str, Any]:
    """The inline query that waits last."""
    updates = await api.call("getUpdates", timeout=10, offset=-1)
    Update.model_validate(updates[-1])
    return updates[-1]["inline_query"]


async def test_a_result_that_telegram_refuses(setup: Setup) -> None:
    _, api, anna = setup
    photo = await photo_id(api, anna)
    good = {"type": "photo", "id": "1", "photo_file_id": photo}
    table: list[tuple[list[dict[str, Any]], str]] = [
        ([good, good], "RESULT_ID_DUPLICATE"),
        ([good | {"id": "x" * 65}], "RESULT_ID_INVALID"),
        ([{"type": "photo", "id": "1", "photo_url": "u"}], "there is no photo in the request"),
        (
            [{"type": "document", "id": "1", "title": "t", "document_file_id": photo}],
            "can't use file of type Photo as Document",
        ),
        ([good | {"id": str(i)} for i in range(51)], "can't parse results: "),
        ([{"id": "1"}], "can't parse results.0.type: "),
    ]

    for results, refusal in table:
        answer = await api.refusal("answerInlineQuery", inline_query_id="1", results=results)
        assert answer.startswith(f"400 Bad Request: {refusal}")


async def test_an_inline_query_is_answered_once_and_soon(setup: Setup, clock: Clock) -> None:
    control, api, anna = setup
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
