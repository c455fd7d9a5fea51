"""The sandbox refuses what Telegram refuses, in Telegram's words."""

from typing import Any

import pytest

from tests.fixtures.bot_api import BotApi, Setup, keyboard
from tests.fixtures.sandbox import Clock

NOT_MODIFIED = (
    "400 Bad Request: message is not modified: specified new message content and reply markup are"
    " exactly the same as a current content and reply markup of the message"
)
QUERY_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"
TOO_OLD = f"400 Bad Request: {QUERY_TOO_OLD}"


BOT_API = {"said": "hello"}


BUTTON = {"text": "a", "callback_data": "a"}
NO_EPHEMERAL = "ephemeral messages can be sent only to groups and supergroups"
MESSAGE_REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"text": ""}, "message text is empty"),
    ({"text": " \n "}, "message text is empty"),
    ({"text": "x" * 4097}, "message is too long"),
    ({"text": "😀" * 2049}, "message is too long"),
    ({"parse_mode": "HTML"}, "the sandbox formats texts by their entities alone"),
    ({"chat_id": ""}, "chat_id is empty"),
    ({"chat_id": 1}, "chat not found"),
    ({"chat_id": "@nobody"}, "chat not found"),
    ({"message_thread_id": 5}, "message thread not found"),
    ({"reply_parameters": {"message_id": 99}}, "message to be replied not found"),
    ({"ephemeral_message_parameters": {"receiver_user_id": 1}}, NO_EPHEMERAL),
    ({"reply_markup": keyboard(text="a", callback_data="ж" * 33)}, "BUTTON_DATA_INVALID"),
    ({"reply_markup": keyboard(text="a", callback_data="")}, "BUTTON_DATA_INVALID"),
    ({"reply_markup": {"inline_keyboard": [[BUTTON]] * 101}}, "reply markup is too long"),
]
CHAT_REFUSALS: list[tuple[str, dict[str, Any], str]] = [
    *(("sendMessage", {"text": "x"} | fields, refusal) for fields, refusal in MESSAGE_REFUSALS),
    ("sendMessage", {}, "message text is empty"),
    ("sendPhoto", {}, "there is no photo in the request"),
    ("sendPhoto", {"photo": "AgACnope"}, "wrong file identifier/HTTP URL specified"),
    ("sendPhoto", {"photo": "x", "caption": "c" * 1025}, "message caption is too long"),
    ("sendDocument", {}, "there is no document in the request"),
    ("sendSticker", {}, "there is no sticker in the request"),
    ("editMessageText", {"text": "x"}, "message identifier is not specified"),
    ("editMessageText", {"text": "x", "message_id": 99}, "message to edit not found"),
    ("editMessageText", {"text": "x" * 4097, "message_id": 1}, "message is too long"),
    ("editMessageText", {"text": "x", "message_id": 1}, "message can't be edited"),
    ("deleteMessage", {"message_id": 99}, "message to delete not found"),
    ("copyMessage", {"from_chat_id": 1, "message_id": 1}, "chat not found"),
]


async def test_methods_of_a_chat_are_refused_in_telegrams_words(setup: Setup) -> None:
    _, api, anna = setup
    for method, values, refusal in CHAT_REFUSALS:
        given: dict[str, Any] = {"chat_id": anna.id} | values
        answer = await api.refusal(method, **given)

        assert answer == f"400 Bad Request: {refusal}", method


PRICE = {"label": "Stars", "amount": 50}
INVOICE = {"title": "t", "description": "d", "payload": "p", "currency": "XTR", "prices": [PRICE]}
TOTAL_INVALID = "CURRENCY_TOTAL_AMOUNT_INVALID"
STICKER = {"sticker": "CAACx", "format": "static", "emoji_list": ["✨"]}
STICKER_SET = {"user_id": 1, "name": "a_by_imgbot_sandbox_bot", "title": "t"}
OTHER_REFUSALS: list[tuple[str, dict[str, Any], str]] = [
    ("getFile", {"file_id": "AgACnope"}, "invalid file_id"),
    ("addStickerToSet", STICKER_SET | {"sticker": STICKER}, "STICKERSET_INVALID"),
    ("createNewStickerSet", STICKER_SET | {"stickers": [STICKER]}, "PEER_ID_INVALID"),
    ("deleteStickerSet", {"name": "none"}, "STICKERSET_INVALID"),
    ("createInvoiceLink", INVOICE | {"payload": "p" * 129}, "INVOICE_PAYLOAD_INVALID"),
    ("createInvoiceLink", INVOICE | {"provider_token": "x"}, "PAYMENT_PROVIDER_INVALID"),
    ("createInvoiceLink", INVOICE | {"prices": [PRICE | {"amount": 0}]}, TOTAL_INVALID),
    ("createInvoiceLink", INVOICE | {"prices": [PRICE | {"amount": 10_001}]}, TOTAL_INVALID),
    ("answerPreCheckoutQuery", {"pre_checkout_query_id": "1", "ok": True}, QUERY_TOO_OLD),
    ("refundStarPayment", {"user_id": 1, "telegram_payment_charge_id": "x"}, "CHARGE_ID_INVALID"),
    (
        "editUserStarSubscription",
        {"user_id": 1, "telegram_payment_charge_id": "x", "is_canceled": True},
        "CHARGE_ID_INVALID",
    ),
    ("answerCallbackQuery", {"callback_query_id": "1", "text": "x" * 201}, "MESSAGE_TOO_LONG"),
]


async def test_other_methods_are_refused_in_telegrams_words(setup: Setup) -> None:
    _, api, _ = setup
    for method, values, refusal in OTHER_REFUSALS:
        assert await api.refusal(method, **values) == f"400 Bad Request: {refusal}", method


BUTTON = "reply_markup.inline_keyboard.0.0"
COMMAND = {"command": "a", "description": "x"}
MALFORMED: list[tuple[str, dict[str, Any], str]] = [
    ("sendMessage", {"entities": [{"type": "bold", "offset": 0}]}, "entities.0.length"),
    ("sendMessage", {"entities": [{"type": "loud", "offset": 0}]}, "entities.0.type"),
    ("sendMessage", {"reply_markup": keyboard(text="a")}, f"{BUTTON}.callback_data"),
    ("sendMessage", {"reply_markup": keyboard(callback_data="a")}, f"{BUTTON}.text"),
    ("sendMessage", {"reply_markup": "nope"}, "reply_markup"),
    ("sendMessage", {"reply_markup": [1]}, "reply_markup"),
    ("sendMessage", {"message_thread_id": "x"}, "message_thread_id"),
    ("editMessageMedia", {"media": {"type": "sticker", "media": "x"}}, "media.type"),
    ("getFile", {}, "file_id"),
    ("sendInvoice", INVOICE | {"title": "t" * 33}, "title"),
    ("sendInvoice", INVOICE | {"description": "d" * 256}, "description"),
    ("sendInvoice", INVOICE | {"currency": "USD"}, "currency"),
    ("sendInvoice", INVOICE | {"prices": [PRICE, PRICE]}, "prices"),
    ("createInvoiceLink", INVOICE | {"subscription_period": 60}, "subscription_period"),
    ("getStarTransactions", {"limit": 101}, "limit"),
    ("editUserStarSubscription", {"user_id": 1, "telegram_payment_charge_id": "x"}, "is_canceled"),
    ("setMyCommands", {}, "commands"),
    ("setMyCommands", {"commands": [COMMAND | {"command": "Große"}]}, "commands.0.command"),
    ("setMyCommands", {"commands": [COMMAND | {"command": "a" * 33}]}, "commands.0.command"),
    (
        "setMyCommands",
        {"commands": [COMMAND | {"description": "x" * 257}]},
        "commands.0.description",
    ),
    ("setMyCommands", {"commands": [COMMAND] * 101}, "commands"),
    ("setMyCommands", {"commands": [], "language_code": "english"}, "language_code"),
]


async def test_malformed_parameters_are_refused(setup: Setup) -> None:
    _, api, anna = setup
    for method, values, place in MALFORMED:
        given: dict[str, Any] = {"chat_id": anna.id, "text": "x"} | values
        answer = await api.refusal(method, **given)

        assert answer.startswith(f"400 Bad Request: can't parse {place}: "), answer


async def test_unknown_methods_parameters_and_fields_are_violations(setup: Setup) -> None:
    control, api, anna = setup
    markup = keyboard(text="a", callback_data="a", colour="red")
    media = {"type": "photo", "media": "x", "captoin": "c"}

    assert await api.refusal("fooBar") == "404 Not Found"
    assert await api.refusal("setMessageReaction", chat_id=anna.id) == "404 Not Found"
    sent = await api.call("sendMessage", chat_id=anna.id, text="x", txet="y", reply_markup=markup)
    place = {"chat_id": anna.id, "message_id": sent["message_id"]}
    await api.refusal("editMessageMedia", **place, media=media)

    assert (await control.calls())["violations"] == [
        "unknown method fooBar",
        "unknown method setMessageReaction",
        "unknown field txet of SendMessage",
        "unknown field colour of InlineKeyboardButton",
        "unknown field captoin of InputMedia",
    ]


async def test_tokens_are_checked(setup: Setup) -> None:
    control, _, _ = setup

    async with BotApi(control.url, "1234567890:" + "A" * 35) as wrong:
        assert await wrong.refusal("getMe") == "401 Unauthorized"
        assert (await wrong.download("photos/file_1.jpg"))[0] == 401
    async with BotApi(control.url, "nonsense") as malformed:
        assert await malformed.refusal("getMe") == "404 Not Found"


async def test_a_text_is_trimmed_and_gets_its_entities(setup: Setup) -> None:
    _, api, anna = setup
    bold = {"type": "bold", "offset": 2, "length": 6}

    sent = await api.call(
        "sendMessage", chat_id=anna.id, text="  😀 see https://a.org/x. /start ", entities=[bold]
    )

    assert sent["text"] == "😀 see https://a.org/x. /start"
    found = [(each["type"], each["offset"], each["length"]) for each in sent["entities"]]
    assert found == [("bold", 0, 6), ("url", 7, 15), ("bot_command", 24, 6)]


async def test_a_forced_reply_is_seen_by_users_and_not_in_the_message(setup: Setup) -> None:
    control, api, anna = setup
    markup = {"force_reply": True, "selective": True, "input_field_placeholder": "words"}

    answer = await api.call("sendMessage", chat_id=anna.id, text="Say it", reply_markup=markup)

    assert "reply_markup" not in answer
    shown = await control.message(anna.id, answer["message_id"])
    assert shown.force_reply == {"selective": True, "placeholder": "words"}


async def test_commands_are_kept_by_scope_and_language(setup: Setup) -> None:
    control, api, _ = setup
    english = [{"command": "start", "description": "Begin"}]
    russian = [{"command": "start", "description": "Начать"}]
    scope = {"type": "all_private_chats"}

    await api.call("setMyCommands", commands=english)
    await api.call("setMyCommands", commands=russian, language_code="ru", scope=scope)

    assert await api.call("getMyCommands", language_code="ru") == []
    assert await api.call("getMyCommands", language_code="ru", scope=scope) == russian
    state = await control.state()
    assert state["bot"]["commands"] == {"": english, "ru": russian}


async def test_an_edit_that_changes_nothing_is_refused_and_loses_no_keyboard(setup: Setup) -> None:
    _, api, anna = setup
    markup = keyboard(text="a", callback_data="a")
    sent = await api.call("sendMessage", chat_id=anna.id, text="hello", reply_markup=markup)
    place: dict[str, Any] = {"chat_id": anna.id, "message_id": sent["message_id"]}

    same = await api.refusal("editMessageText", **place, text="hello", reply_markup=markup)
    edited = await api.call("editMessageText", **place, text="hello")
    again = await api.refusal("editMessageReplyMarkup", **place)

    assert (same, again) == (NOT_MODIFIED, NOT_MODIFIED)
    assert "reply_markup" not in edited


async def test_a_bot_may_not_write_to_strangers_or_to_users_who_blocked_it(setup: Setup) -> None:
    control, api, anna = setup
    stranger = await control.make_user("Boris")
    await control.block(anna)

    first = await api.refusal("sendMessage", chat_id=stranger.id, text="hello")
    blocked = await api.refusal("sendMessage", chat_id=anna.id, text="hello")
    await control.block(anna, blocked=False)
    await api.call("sendMessage", chat_id=anna.id, text="hello")

    assert first == "403 Forbidden: bot can't initiate conversation with a user"
    assert blocked == "403 Forbidden: bot was blocked by the user"


async def test_a_pressed_button_is_answered_once_and_in_time(setup: Setup, clock: Clock) -> None:
    control, api, anna = setup
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


async def test_an_ephemeral_message_is_for_a_member_who_pressed(setup: Setup, clock: Clock) -> None:
    control, api, anna = setup
    bob = await control.make_user("Bob")
    group = await control.make_group("Friends", [anna, bob])
    asked = await api.call("sendMessage", chat_id=group, text="hello")
    late = await control.press(anna, asked["message_id"], "x", chat_id=group)
    clock.offset_s += 16
    query = await control.press(anna, asked["message_id"], "x", chat_id=group)
    told: dict[str, Any] = {"chat_id": group, "text": "psst"}
    receiver = {"receiver_user_id": anna.id}

    for wrong, answer in (
        ({"receiver_user_id": 7}, "400 Bad Request: user not found"),
        (receiver, "400 Bad Request: BOT_NOT_ADMIN"),
        (receiver | {"callback_query_id": "7"}, TOO_OLD),
        (receiver | {"callback_query_id": late}, TOO_OLD),
        ({"receiver_user_id": bob.id, "callback_query_id": query}, TOO_OLD),
    ):
        refusal = await api.refusal("sendMessage", **told, ephemeral_message_parameters=wrong)
        assert refusal == answer
    seen_by = receiver | {"callback_query_id": query}
    sent = await api.call("sendMessage", **told, ephemeral_message_parameters=seen_by)
    await control.promote(group)
    await api.call("sendMessage", **told, ephemeral_message_parameters=receiver)
    reply = {"message_id": 77, "allow_sending_without_reply": True}
    lone = told | {"reply_parameters": reply, "ephemeral_message_parameters": receiver}
    refusal = await api.refusal("sendMessage", **lone)
    assert refusal == "400 Bad Request: message to be replied not found"
    assert (sent["message_id"], sent["receiver_user"]["id"]) == (0, anna.id)
    assert [each.text for each in await control.messages(group)] == ["hello"]


async def test_an_ephemeral_message_is_changed_by_methods_of_its_own(setup: Setup) -> None:
    control, api, anna = setup
    bob = await control.make_user("Bob")
    group = await control.make_group("Friends", [anna, bob])
    await control.promote(group)
    receiver = {"receiver_user_id": anna.id}
    told: dict[str, Any] = {"chat_id": group, "text": "psst"}
    await api.call("sendMessage", **told, ephemeral_message_parameters=receiver)
    query = await control.press(anna, -1, "a", chat_id=group)
    replacing = receiver | {"callback_query_id": query, "replace_callback_query_message": True}
    named, invalid = told | receiver | {"ephemeral_message_id": 1}, "MESSAGE_ID_INVALID"

    for method, fields, answer in (
        ("sendMessage", told | {"ephemeral_message_parameters": replacing}, invalid),
        ("editMessageText", told | {"message_id": 0}, "message identifier is not specified"),
        ("editEphemeralMessageText", named | {"receiver_user_id": bob.id}, invalid),
        ("editEphemeralMessageText", named, NOT_MODIFIED.partition("Request: ")[2]),
        ("editEphemeralMessageText", named | {"text": "edited"}, ""),
        ("deleteEphemeralMessage", named, ""),
        ("editEphemeralMessageText", named, invalid),
    ):
        _, told_back = await api.raw(method, None, **fields)
        assert told_back.get("description", "").removeprefix("Bad Request: ") == answer
    with pytest.raises(AssertionError, match="does not see"):
        await control.press(bob, -1, "a", chat_id=group)
    pressed = (await api.call("getUpdates"))[-1]["callback_query"]["message"]
    assert (pressed["message_id"], pressed["ephemeral_message_id"]) == (0, 1)


async def test_an_ephemeral_command_and_a_reply_are_seen_by_the_bot_alone(
    setup: Setup, clock: Clock
) -> None:
    control, api, anna = setup
    group = await control.make_group("Friends", [anna])
    command = {"command": "limits", "description": "Limits", "is_ephemeral": True}
    await api.call("setMyCommands", commands=[command], scope={"type": "all_group_chats"})

    await control.say(anna, "/limits", chat_id=group, is_old_client=True)
    await control.say(anna, "/limits now", chat_id=group)
    receiver = {"receiver_user_id": anna.id}
    reply = {"ephemeral_message_id": 1}
    told: dict[str, Any] = {"chat_id": group, "text": "5", "reply_parameters": reply}
    openly = await api.refusal("sendMessage", **told)
    sent = await api.call("sendMessage", **told, ephemeral_message_parameters=receiver)
    await control.say(anna, "thanks", chat_id=group, reply_to=-sent["ephemeral_message_id"])
    clock.offset_s += 16
    late = await api.refusal("sendMessage", **told, ephemeral_message_parameters=receiver)

    updates = await api.call("getUpdates")
    messages = [each["message"] for each in updates if "message" in each]
    ids = [(each["message_id"], each.get("ephemeral_message_id")) for each in messages[1:]]
    assert ids == [(1, None), (0, 1), (0, 3)]
    assert "reply_to_message" not in messages[-1]
    assert openly == "400 Bad Request: a reply to an ephemeral message must be ephemeral, too"
    assert late == "400 Bad Request: BOT_NOT_ADMIN"


async def test_old_messages_cannot_be_deleted(setup: Setup, clock: Clock) -> None:
    _, api, anna = setup
    message = await api.call("sendMessage", chat_id=anna.id, text="hello")
    clock.offset_s += 48 * 3600 + 1

    answer = await api.refusal("deleteMessage", chat_id=anna.id, message_id=message["message_id"])

    assert answer == "400 Bad Request: message can't be deleted for everyone"
