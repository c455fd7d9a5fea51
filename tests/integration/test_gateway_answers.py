"""Answers that are not the Bot API's: a gateway's page, an empty body, JSON without a result."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast
from unittest.mock import Mock

import pytest
from aiogram import Bot
from aiogram.exceptions import AiogramError
from aiohttp import web
from aiohttp.test_utils import TestServer

from imgbot.domain.errors import TransientError
from imgbot.domain.job import InputPhoto
from imgbot.telegram.client import identify, open_bot
from imgbot.telegram.messenger import ChatTarget, Messenger
from imgbot.telegram.update_poller import GetRawUpdates

TOKEN = "123456:" + "A" * 35
PAGE = "<html><h1>Сервер недоступен</h1></html>".encode("cp1251")


@asynccontextmanager
async def bot_answered(
    status: int, body: bytes, content_type: str, after_s: float = 0.0
) -> AsyncGenerator[Bot]:
    """A bot whose every call is answered so."""

    async def answer(_: web.Request) -> web.Response:
        await asyncio.sleep(after_s)
        return web.Response(status=status, body=body, headers={"Content-Type": content_type})

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    async with TestServer(app) as server:
        bot = open_bot(TOKEN, str(server.make_url("")).rstrip("/"))
        try:
            yield bot
        finally:
            await bot.session.close()


@pytest.mark.parametrize(
    ("status", "body", "content_type"),
    [
        (502, PAGE, "text/html"),
        (200, PAGE, "text/html"),
        (404, PAGE, "text/html"),
        (200, PAGE, "application/json"),
        (200, b"{}", "text/html; charset=base64"),
        (200, b"", "application/json"),
        (200, b"[]", "application/json"),
        (200, b'{"ok": true}', "application/json"),
        (200, b'{"ok": true, "result": null}', "application/json"),
        (400, b'{"ok": false}', "application/json"),
        (502, b'{"ok": false}', "application/json"),
        (502, b'{"ok": true, "result": true}', "application/json"),
    ],
)
async def test_what_is_no_answer_of_telegram_is_transient(
    status: int, body: bytes, content_type: str
) -> None:
    async with bot_answered(status, body, content_type) as bot:
        with pytest.raises(TransientError):
            await identify(bot)
        with pytest.raises(TransientError):
            await Messenger(bot).send_text(ChatTarget(1), "x", [])
        # The poll loop takes these for an outage.
        with pytest.raises(AiogramError):
            await bot(GetRawUpdates())


async def test_a_page_of_the_history_that_hangs_ends_before_its_handler_does() -> None:
    page = InputPhoto("file", "unique", 0)
    # An upload may take longer than that.
    async with (
        bot_answered(200, b"{}", "application/json", after_s=180.0) as bot,
        asyncio.timeout(60),
    ):
        # As long as any call without an upload.
        bot.session.timeout = 0.2
        with pytest.raises(TransientError):
            await Messenger(bot).edit_to_picture(ChatTarget(1), 2, page, "", [], kind="photo")


async def test_a_bot_without_its_lease_writes_to_no_chat() -> None:
    sent = b'{"ok": true, "result": {"message_id": 1}}'
    async with bot_answered(200, sent, "application/json") as bot:
        messenger = Messenger(bot)
        await messenger.edit_text(ChatTarget(1), 1, "done", [])
        cast("Any", bot.session).check_lease = Mock(side_effect=TransientError("no lease"))
        with pytest.raises(TransientError, match="no lease"):
            await messenger.edit_text(ChatTarget(1), 1, "working", [])
        with pytest.raises(TransientError, match="no lease"):
            await messenger.send_text(ChatTarget(1), "working", [])
