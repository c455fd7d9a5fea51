"""Buttons that are disabled while what they have ordered runs, over failures and restarts."""

import json
from typing import Any
from unittest.mock import AsyncMock, Mock

from imgbot.domain.errors import MessageGoneError, TransientError
from imgbot.jobs.disabled_buttons import DisabledButtons
from imgbot.storage import keys
from imgbot.storage.client import Client
from imgbot.storage.presses import Press, PressStore

PLACE = (-100, 7)
BUTTONS = {"a": "🔁 Again", "b": "×2"}


def shown(disabled: str) -> list[list[dict[str, Any]]]:
    on = {data: {"text": label, "callback_data": data} for data, label in BUTTONS.items()}
    off = {"a": {"text": "🔁 …", "disabled": {}}, "b": {"text": "×2 …", "disabled": {}}}
    return [[off[data] if data in disabled else on[data] for data in BUTTONS]]


async def press(redis: Client, job_id: str, data: str, disabled: str = "") -> None:
    await redis.hset(keys.JOB + job_id, "state", "queued")
    await PressStore(redis).note(Press(*PLACE, data, [job_id], shown(disabled)))


async def test_buttons_are_enabled_when_their_jobs_end_and_over_a_restart(
    redis: Client,
) -> None:
    edit, store = AsyncMock(), PressStore(redis)
    loop = DisabledButtons(store, Mock(edit_keyboard=edit))
    await loop.look()
    for job_id, data, expected in (
        ("5", "a", "a"),
        ("6", "b", "ab"),
        ("5", "", "b"),
        ("6", "", ""),
        ("7", "b", "b"),
    ):
        if data:
            await press(redis, job_id, data, disabled=expected.replace(data, ""))
        else:
            await redis.delete(f"{keys.JOB}{job_id}")
        await loop.look()
        await loop.look()
        edit.assert_awaited_once_with(*PLACE, shown(expected))
        edit.reset_mock()
    await redis.delete(f"{keys.JOB}7")
    assert await DisabledButtons(store, Mock(edit_keyboard=edit)).look()
    edit.assert_awaited_once_with(*PLACE, shown(""))
    # Beside a button that nobody remembers it cannot be told what to show at the end.
    await press(redis, "8", "b", disabled="a")
    assert not await loop.look()
    # Of a later release, with one field more.
    await redis.hset(keys.PRESSES, "9", json.dumps([*PLACE, "a", ["9"], shown(""), 1]))
    assert await loop.look()
    assert not await loop.look()


async def test_an_edit_is_repeated_unless_the_message_is_gone(redis: Client) -> None:
    edit = AsyncMock(side_effect=[TransientError("no answer"), MessageGoneError("deleted")])
    messenger = Mock(edit_keyboard=edit, has_room=Mock(side_effect=[False, True, True]))
    loop = DisabledButtons(PressStore(redis), messenger)
    await loop.look()
    await press(redis, "5", "a")
    for edits, has_any in ((0, True), (1, True), (2, True), (2, False)):
        assert await loop.look() is has_any
        assert edit.await_count == edits
