"""The sandbox refuses what Telegram refuses, in Telegram's words."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from tests.fixtures.bot_api import BotApi, keyboard, open_desk
from tests.fixtures.sandbox import Clock, Control, Person

NOT_MODIFIED = (
    "400 Bad Request: message is not modified: specified new message content and reply markup are"
    " exactly the same as a current content and reply markup of the message"
)
TOO_OLD = "400 Bad Request: query is too old and response timeout expired or query ID is invalid"

Desk = tuple[Control, BotApi, Person]


@pytest.fixture
async def desk(clock: Clock) -> AsyncGenerator[Desk]:
    async with open_desk(said="hello", now=clock) as desk:
        yield desk


CHAT_REFUSALS: list[tuple[str, dict[str, Any], str]] = [
    ("sendMessage", {"text": ""}, "message text is empty"),
    ("sendMessage", {}, "message text is empty"),
    ("sendMessage", {"text": " \n "}, "message text is empty"),
    ("sendMessage", {"text": "<b> </b>", "parse_mode": "HTML"}, "message text is empty"),
    ("sendMessage", {"text": "x" * 4097}, "message is too long"),
    ("sendMessage", {"text": "😀" * 2049}, "message is too long"),
    ("sendMessage", {"text": "x", "parse_mode": "Pidgin"}, "unsupported parse_mode"),
    ("sendMessage", {"text": "x", "chat_id": ""}, "chat_id is empty"),
    ("sendMessage", {"text": "x", "chat_id": 1}, "chat not found"),
    ("sendMessage", {"text": "x", "chat_id": "@nobody"}, "chat not found"),
    ("sendMessage", {"text": "x", "message_thread_id": 5}, "message thread not found"),
    (
        "sendMessage",
        {"text": "x", "reply_parameters": {"message_id": 99}},
        "message to be replied not found",
    ),
    (
        "sendMessage",
        {"text": "x", "reply_to_message_id": 99},
        "message to be replied not found",
    ),
    (
        "sendMessage",
        {"text": "x", "reply_markup": keyboard(text="a", callback_data="ж" * 33)},
        "BUTTON_DATA_INVALID",
    ),
    (
        "sendMessage",
        {"text": "x", "reply_markup": keyboard(text="a", callback_data="")},
        "BUTTON_DATA_INVALID",
    ),
    (
        "sendMessage",
        {"text": "x", "reply_markup": keyboard(text="a")},
        "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
    ),
    (
        "sendMessage",
        {"text": "x", "reply_markup": keyboard(callback_data="a")},
        "can't parse inline keyboard button: Can't find field \"text\"",
    ),
    (
        "sendMessage",
        {
            "text": "x",
            "reply_markup": {"inline_keyboard": [[{"text": "a", "callback_data": "a"}]] * 101},
        },
        "reply markup is too long",
    ),
    (
        "sendMessage",
        {"text": "x", "reply_markup": "nope"},
        "can't parse reply keyboard markup JSON object",
    ),
    ("sendMessage", {"text": "x", "reply_markup": [1]}, "object expected as reply markup"),
    ("sendPhoto", {}, "there is no photo in the request"),
    ("sendPhoto", {"photo": "AgACnope"}, "wrong file identifier/HTTP URL specified"),
    ("sendPhoto", {"photo": "https://example.org/a.jpg"}, "failed to get HTTP URL content"),
    ("sendPhoto", {"photo": "x", "caption": "c" * 1025}, "message caption is too long"),
    ("sendDocument", {}, "there is no document in the request"),
    ("sendMediaGroup", {"media": []}, "there are no messages to send"),
    (
        "sendMediaGroup",
        {"media": [{"type": "photo", "media": "x"}] * 11},
        "too many messages to send as an album",
    ),
    (
        "sendMediaGroup",
        {"media": [{"type": "photo", "media": "x"}, {"type": "document", "media": "y"}]},
        "document can't be mixed with other media types",
    ),
    (
        "sendMediaGroup",
        {"media": [{"type": "photo", "media": "attach://a"}] * 2},
        "can't parse InputMedia: media not found",
    ),
    ("sendChatAction", {"action": "dance"}, "wrong parameter action in request"),
    ("editMessageText", {"text": "x"}, "message identifier is not specified"),
    ("editMessageText", {"text": "x", "message_id": 99}, "message to edit not found"),
    ("editMessageText", {"text": "x" * 4097, "message_id": 1}, "MESSAGE_TOO_LONG"),
    ("editMessageText", {"text": "x", "message_id": 1}, "message can't be edited"),
    (
        "editMessageMedia",
        {"message_id": 1, "media": {"type": "sticker", "media": "x"}},
        "message can't be edited",
    ),
    ("deleteMessage", {"message_id": 99}, "message to delete not found"),
    ("deleteMessages", {"message_ids": []}, "message identifiers are not specified"),
    (
        "setMessageReaction",
        {"message_id": 1, "reaction": [{"type": "emoji", "emoji": "✅"}]},
        "REACTION_INVALID",
    ),
    (
        "setMessageReaction",
        {"message_id": 1, "reaction": [{"type": "emoji", "emoji": "👀"}] * 2},
        "REACTIONS_TOO_MANY",
    ),
    (
        "setMessageReaction",
        {"message_id": 99, "reaction": [{"type": "emoji", "emoji": "👀"}]},
        "message to react not found",
    ),
]


async def test_methods_of_a_chat_are_refused_in_telegrams_words(desk: Desk) -> None:
    _, api, anna = desk
    for method, values, refusal in CHAT_REFUSALS:
        given: dict[str, Any] = {"chat_id": anna.id} | values
        answer = await api.refusal(method, **given)

        assert answer == f"400 Bad Request: {refusal}", method


OTHER_REFUSALS: list[tuple[str, dict[str, Any], str]] = [
    ("getFile", {}, "file_id not specified"),
    ("getFile", {"file_id": "AgACnope"}, "invalid file_id"),
    ("answerCallbackQuery", {"callback_query_id": "1", "text": "x" * 201}, "MESSAGE_TOO_LONG"),
    ("setMyCommands", {}, "can't parse commands JSON object"),
    (
        "setMyCommands",
        {"commands": [{"command": "Große", "description": "x"}]},
        "BOT_COMMAND_INVALID",
    ),
    (
        "setMyCommands",
        {"commands": [{"command": "a" * 33, "description": "x"}]},
        "BOT_COMMAND_INVALID",
    ),
    (
        "setMyCommands",
        {"commands": [{"command": "a", "description": "x" * 257}]},
        "BOT_COMMAND_DESCRIPTION_INVALID",
    ),
    (
        "setMyCommands",
        {"commands": [{"command": "a", "description": "x"}] * 101},
        "BOT_COMMANDS_TOO_MUCH",
    ),
    (
        "setMyCommands",
        {"commands": [], "language_code": "english"},
        "invalid language code specified",
    ),
    (
        "setWebhook",
        {"url": "http://example.org/hook"},
        "bad webhook: An HTTPS URL must be provided for webhook",
    ),
]


async def test_other_methods_are_refused_in_telegrams_words(desk: Desk) -> None:
    _, api, _ = desk
    for method, values, refusal in OTHER_REFUSALS:
        assert await api.refusal(method, **values) == f"400 Bad Request: {refusal}", method


async def test_what_telegram_just_takes_is_taken(desk: Desk) -> None:
    control, api, anna = desk

    await api.call("sendMessage", chat_id=anna.id, text="x" * 4096)
    await api.call("sendMessage", chat_id=anna.id, text=f"<b>{'x' * 4096}</b>", parse_mode="HTML")
    await api.call("SENDMESSAGE", chat_id=anna.id, text="methods have no case")
    markup = keyboard(text="a", callback_data="ж" * 32)
    await api.call("sendMessage", chat_id=anna.id, text="x", reply_markup=markup)
    lenient = {"message_id": 99, "allow_sending_without_reply": True}
    await api.call("sendMessage", chat_id=anna.id, text="x", reply_parameters=lenient)

    assert (await control.calls())["violations"] == []


async def test_an_edit_that_changes_nothing_is_refused_and_loses_no_keyboard(desk: Desk) -> None:
    _, api, anna = desk
    markup = keyboard(text="a", callback_data="a")
    sent = await api.call("sendMessage", chat_id=anna.id, text="hello", reply_markup=markup)
    place: dict[str, Any] = {"chat_id": anna.id, "message_id": sent["message_id"]}

    same = await api.refusal("editMessageText", **place, text="hello", reply_markup=markup)
    edited = await api.call("editMessageText", **place, text="hello")
    again = await api.refusal("editMessageReplyMarkup", **place)

    assert (same, again) == (NOT_MODIFIED, NOT_MODIFIED)
    assert "reply_markup" not in edited


async def test_an_edit_needs_a_message_of_its_kind(desk: Desk) -> None:
    _, api, anna = desk
    text = await api.call("sendMessage", chat_id=anna.id, text="hello")

    answer = await api.refusal(
        "editMessageCaption", chat_id=anna.id, message_id=text["message_id"], caption="c"
    )

    assert answer == "400 Bad Request: there is no caption in the message to edit"


async def test_a_bot_may_not_write_to_strangers_or_to_users_who_blocked_it(desk: Desk) -> None:
    control, api, anna = desk
    stranger = await control.make_user("Boris")
    await control.block(anna)

    first = await api.refusal("sendMessage", chat_id=stranger.id, text="hello")
    blocked = await api.refusal("sendMessage", chat_id=anna.id, text="hello")
    await control.block(anna, blocked=False)
    await api.call("sendMessage", chat_id=anna.id, text="hello")

    assert first == "403 Forbidden: bot can't initiate conversation with a user"
    assert blocked == "403 Forbidden: bot was blocked by the user"


async def test_a_pressed_button_is_answered_once_and_in_time(desk: Desk, clock: Clock) -> None:
    control, api, anna = desk
    message = await api.call("sendMessage", chat_id=anna.id, text="hello")
    first = await control.press(anna, message["message_id"], "forged:data")
    late = await control.press(anna, message["message_id"], "x")

    await api.call("answerCallbackQuery", callback_query_id=first, text="hi", show_alert=True)
    twice = await api.refusal("answerCallbackQuery", callback_query_id=first)
    clock.offset_s += 151
    too_late = await api.refusal("answerCallbackQuery", callback_query_id=late)
    unknown = await api.refusal("answerCallbackQuery", callback_query_id="12")

    assert (twice, too_late, unknown) == (TOO_OLD, TOO_OLD, TOO_OLD)
    event = await control.wait_for(lambda event: event.type == "callback_answer")
    assert (event.raw["text"], event.raw["show_alert"], event.raw["user_id"]) == (
        "hi",
        True,
        anna.id,
    )


async def test_old_messages_cannot_be_deleted(desk: Desk, clock: Clock) -> None:
    _, api, anna = desk
    message = await api.call("sendMessage", chat_id=anna.id, text="hello")
    clock.offset_s += 48 * 3600 + 1

    answer = await api.refusal("deleteMessage", chat_id=anna.id, message_id=message["message_id"])

    assert answer == "400 Bad Request: message can't be deleted for everyone"
