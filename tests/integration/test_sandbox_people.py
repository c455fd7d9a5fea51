"""What users cause: late album items, forwards, anonymous administrators, channels."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from aiogram.types import Update

from tests.fixtures.bot_api import BotApi, open_desk
from tests.fixtures.sandbox import Control, Person, picture

Desk = tuple[Control, BotApi, Person]


@pytest.fixture
async def desk() -> AsyncGenerator[Desk]:
    async with open_desk(person={"username": "anna"}) as desk:
        yield desk


async def messages(api: BotApi) -> list[dict[str, Any]]:
    """The messages that wait for the bot; aiogram understands each of the updates."""
    updates = await api.call("getUpdates")
    for update in updates:
        Update.model_validate(update)
    return [update["message"] for update in updates if "message" in update]


async def test_a_late_item_joins_its_album(desk: Desk) -> None:
    control, api, anna = desk
    sent = await control.send_photos(anna, [picture(), picture(color="red")], caption="merge")
    await control.say(anna, "something else")

    late = await control.send_late(anna, sent[0], picture(color="blue"))

    received = await messages(api)
    assert late.media_group_id == sent[0].media_group_id
    assert [m.get("media_group_id") for m in received] == [
        late.media_group_id,
        late.media_group_id,
        None,
        late.media_group_id,
    ]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"photos": 1, "documents": 1}, "photos or documents, never both"),
        ({"documents": 1, "media_group_id": "photos"}, "photos or documents, never both"),
        ({"photos": 9, "media_group_id": "photos"}, "at most 10 files"),
        ({"photos": 1, "media_group_id": "123"}, "no album 123"),
        ({"photos": 11}, "at most 10 files"),
    ],
    ids=["mixed", "mixed-late", "full", "unknown", "eleven"],
)
async def test_an_album_that_no_client_sends_is_refused(
    desk: Desk, fields: dict[str, Any], reason: str
) -> None:
    control, _, anna = desk
    there = await control.send_photos(anna, [picture(), picture()])
    key = await control.upload(picture(), "a.jpg")
    given: dict[str, Any] = {
        name: [key] * value if isinstance(value, int) else value for name, value in fields.items()
    }
    if given.get("media_group_id") == "photos":
        given["media_group_id"] = there[0].media_group_id

    with pytest.raises(AssertionError, match=reason):
        await control.send(anna, **given)


async def test_a_forwarded_message_says_where_it_comes_from(desk: Desk) -> None:
    control, api, _ = desk
    bob = await control.make_user("Bob")
    channel = await control.make_channel("News", [bob])
    written = await control.send_photos(bob, [picture(), picture()], caption="mine")
    posted = await control.say(bob, "news", chat_id=channel)

    open_ones = await control.forward(bob, written, chat_id=bob.id)
    (hidden,) = await control.forward(bob, written[:1], hidden=True)
    (from_channel,) = await control.forward(bob, [posted])
    (again,) = await control.forward(bob, [hidden])

    received = await messages(api)
    origins = [m["forward_origin"]["type"] for m in received if "forward_origin" in m]
    assert origins == ["user", "user", "hidden_user", "channel", "hidden_user"]
    assert open_ones[0].raw["forward_origin"]["sender_user"] == bob.raw
    assert open_ones[0].media_group_id not in {None, written[0].media_group_id}
    assert open_ones[1].media_group_id == open_ones[0].media_group_id
    assert open_ones[0].photo_id == written[0].photo_id
    assert hidden.raw["forward_origin"]["sender_user_name"] == "Bob"
    assert "media_group_id" not in hidden.raw
    assert from_channel.raw["forward_origin"]["message_id"] == posted.id
    assert again.raw["forward_origin"] == hidden.raw["forward_origin"]


async def test_an_anonymous_administrator_hides_behind_the_group(desk: Desk) -> None:
    control, api, anna = desk
    group = await control.make_group("Friends", [anna])

    await control.say(anna, "/create fox", chat_id=group, anonymous=True)

    (received,) = await messages(api)
    assert received["from"]["id"] == 1_087_968_824
    assert received["sender_chat"]["id"] == received["chat"]["id"] == group
    with pytest.raises(AssertionError, match="only administrators of groups"):
        await control.say(anna, "hello", anonymous=True)


async def test_a_channel_speaks_for_itself(desk: Desk) -> None:
    control, api, anna = desk
    channel = await control.make_channel("News", [anna])
    post = await control.say(anna, "news", chat_id=channel)
    await control.edit(anna, post, "good news")
    answer = await api.call("sendMessage", chat_id=channel, text="more news")

    joined, posted, edited = await api.call("getUpdates")

    for update in (joined, posted, edited):
        Update.model_validate(update)
    assert joined["my_chat_member"]["new_chat_member"]["status"] == "administrator"
    assert posted["channel_post"]["sender_chat"]["id"] == channel
    assert edited["edited_channel_post"]["text"] == "good news"
    assert "from" not in posted["channel_post"]
    assert "from" not in answer
