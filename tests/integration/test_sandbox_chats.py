"""Chats that became others, or are closed to the bot."""

import pytest
from aiogram.types import Update

from tests.fixtures.bot_api import Setup


async def test_a_group_that_became_a_supergroup_has_another_id(setup: Setup) -> None:
    control, api, anna = setup
    group = await control.make_group("Friends", [anna], is_basic=True)
    await control.say(anna, "/create fox", chat_id=group)

    new = await control.migrate(group)
    await control.say(anna, "/create dog", chat_id=new)

    updates = await api.call("getUpdates")
    for update in updates:
        Update.model_validate(update)
    old_service, new_service = (update["message"] for update in updates[2:4])
    assert (old_service["chat"]["id"], old_service["migrate_to_chat_id"]) == (group, new)
    assert (new_service["chat"]["id"], new_service["migrate_from_chat_id"]) == (new, group)
    assert updates[1]["message"]["chat"]["type"] == "group"
    assert updates[4]["message"]["chat"] == {"id": new, "type": "supergroup", "title": "Friends"}
    _, refused = await api.raw("sendMessage", chat_id=group, text="hi")
    assert refused["parameters"] == {"migrate_to_chat_id": new}
    with pytest.raises(AssertionError, match="nobody can write"):
        await control.say(anna, "hello?", chat_id=group)


@pytest.mark.parametrize(
    ("kind", "reason", "refusal"),
    [
        ("private", "deleted", "400 Bad Request: chat not found"),
        ("private", "deactivated", "403 Forbidden: user is deactivated"),
        ("group", "deleted", "403 Forbidden: the group chat was deleted"),
        ("group", "kicked", "403 Forbidden: bot was kicked from the group chat"),
        ("supergroup", "deleted", "400 Bad Request: chat not found"),
        ("supergroup", "kicked", "403 Forbidden: bot was kicked from the supergroup chat"),
    ],
)
async def test_a_closed_chat_refuses_the_bot(
    setup: Setup, kind: str, reason: str, refusal: str
) -> None:
    control, api, anna = setup
    chat_id = anna.id
    await control.say(anna, "/start")
    if kind != "private":
        chat_id = await control.make_group("Friends", [anna], is_basic=kind == "group")

    await control.close_chat(chat_id, reason)

    assert await api.refusal("sendMessage", chat_id=chat_id, text="hi") == refusal
    closed = [chat for chat in (await control.state())["chats"] if "closed" in chat]
    assert [chat["id"] for chat in closed] == [chat_id]
