"""Updates: offsets, long polls, one poller, lifetimes, kinds, the conflict with a webhook."""

import asyncio
from typing import Any

from tests.fixtures.bot_api import Setup
from tests.fixtures.sandbox import Clock

OTHER_POLL = (
    "409 Conflict: terminated by other getUpdates request;"
    " make sure that only one bot instance is running"
)
WEBHOOK_ACTIVE = (
    "409 Conflict: can't use getUpdates method while webhook is active;"
    " use deleteWebhook to delete the webhook first"
)


def texts(updates: list[dict[str, Any]]) -> list[str]:
    return [update["message"]["text"] for update in updates]


async def test_an_update_stays_until_a_higher_offset_confirms_it(setup: Setup) -> None:
    control, api, anna = setup
    for text in ("one", "two", "three"):
        await control.say(anna, text)

    first = await api.call("getUpdates", limit=2)
    ids = [update["update_id"] for update in first]
    rest = await api.call("getUpdates", offset=ids[1])
    last = await api.call("getUpdates", offset=ids[1] + 1)

    assert texts(first) == ["one", "two"]
    assert ids[1] == ids[0] + 1
    assert texts(rest) == ["two", "three"]
    assert texts(last) == ["three"]


async def test_a_negative_offset_keeps_the_last_ones_only(setup: Setup) -> None:
    control, api, anna = setup
    for text in ("one", "two", "three"):
        await control.say(anna, text)

    assert texts(await api.call("getUpdates", offset=-1)) == ["three"]
    assert texts(await api.call("getUpdates", offset=0)) == ["three"]


async def test_the_newer_poll_ends_the_older(setup: Setup) -> None:
    control, api, anna = setup

    async with asyncio.TaskGroup() as tasks:
        older = tasks.create_task(api.refusal("getUpdates", timeout=50))
        await control.wait_for(lambda event: event.type == "polling")
        newer = tasks.create_task(api.call("getUpdates", timeout=50))
        await control.wait_call("getUpdates", ok=False)
        await control.say(anna, "hello")

    assert older.result() == OTHER_POLL
    assert texts(newer.result()) == ["hello"]


async def test_buttons_expire_before_messages(setup: Setup, clock: Clock) -> None:
    control, api, anna = setup
    message = await control.say(anna, "hello")
    await control.press(anna, message, "x")

    clock.offset_s += 151
    later = await api.call("getUpdates")
    clock.offset_s += 86_400
    much_later = await api.call("getUpdates")

    assert [update.keys() - {"update_id"} for update in later] == [{"message"}]
    assert much_later == []


async def test_only_the_kinds_that_were_asked_for_are_queued(setup: Setup) -> None:
    control, api, anna = setup
    await api.call("getUpdates", allowed_updates=["callback_query"], offset=1)

    message = await control.say(anna, "hello")
    await control.press(anna, message, "x")
    kept = await api.call("getUpdates", offset=2)
    await api.call("getUpdates", allowed_updates=[], offset=3)
    await control.say(anna, "again")

    assert [update.keys() - {"update_id"} for update in kept] == [{"callback_query"}]
    assert "message" in (await api.call("getUpdates", offset=4))[-1]


async def test_a_webhook_takes_the_updates(setup: Setup) -> None:
    control, api, anna = setup
    await control.say(anna, "one")
    await api.call("setWebhook", url="https://example.org/hook")

    refusal = await api.refusal("getUpdates")
    info = await api.call("getWebhookInfo")
    await api.call("deleteWebhook", drop_pending_updates=True)

    assert refusal == WEBHOOK_ACTIVE
    assert (info["url"], info["pending_update_count"]) == ("https://example.org/hook", 1)
    assert (await api.call("getWebhookInfo"))["url"] == ""
    assert await api.call("getUpdates", offset=1) == []
