"""The bot's account at the sandbox: its token, its profile, its leave, its unknown methods."""

from collections.abc import AsyncGenerator

import pytest

from tests.fixtures.bot_api import BotApi, keyboard, open_desk
from tests.fixtures.sandbox import Clock, Control, Person

Desk = tuple[Control, BotApi, Person]


@pytest.fixture
async def desk(clock: Clock) -> AsyncGenerator[Desk]:
    async with open_desk(said="hello", now=clock) as desk:
        yield desk


async def test_unknown_methods_and_parameters_are_violations(desk: Desk) -> None:
    control, api, anna = desk

    assert await api.refusal("fooBar") == "404 Not Found"
    markup = keyboard(text="a", callback_data="a", colour="red")
    await api.call("sendMessage", chat_id=anna.id, text="x", txet="y", reply_markup=markup)

    calls = await control.calls()
    assert calls["violations"] == [
        "unknown method fooBar",
        "unknown parameter txet of sendMessage",
        "unknown field colour of InlineKeyboardButton in sendMessage",
    ]
    assert calls["counts"] == {"fooBar": 1, "sendMessage": 1}


async def test_tokens_are_checked(desk: Desk) -> None:
    control, _, _ = desk

    async with BotApi(control.url, "1234567890:" + "A" * 35) as wrong:
        assert await wrong.refusal("getMe") == "401 Unauthorized"
        assert (await wrong.download("photos/file_1.jpg"))[0] == 401
    async with BotApi(control.url, "nonsense") as malformed:
        assert await malformed.refusal("getMe") == "404 Not Found"


async def test_the_profile_is_kept_by_scope_and_language(desk: Desk) -> None:
    control, api, _ = desk
    english = [{"command": "start", "description": "Begin"}]
    russian = [{"command": "start", "description": "Начать"}]
    scope = {"type": "all_private_chats"}

    await api.call("setMyCommands", commands=english)
    await api.call("setMyCommands", commands=russian, language_code="ru", scope=scope)
    await api.call("setMyShortDescription", short_description="Pictures", language_code="en")

    assert await api.call("getMyCommands") == english
    assert await api.call("getMyCommands", language_code="ru") == []
    assert await api.call("getMyCommands", language_code="ru", scope=scope) == russian
    shown = await api.call("getMyShortDescription", language_code="en")
    assert shown == {"short_description": "Pictures"}
    state = await control.state()
    assert state["bot"]["commands"] == {"": english, "ru": russian}


async def test_a_bot_that_logged_out_is_out(desk: Desk) -> None:
    _, api, _ = desk

    assert (await api.refusal("close")).startswith("429 Too Many Requests: retry after ")
    assert await api.call("logOut") is True
    assert await api.refusal("getMe") == "400 Logged out"
