"""An album that Redis does not let be handled is kept, and nobody is told that it went wrong."""

import asyncio
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

from imgbot.aio import cancel_and_wait_current
from imgbot.bot.albums import AlbumProcessor
from imgbot.bot.dialogue import Dialogues
from imgbot.domain.errors import StorageUnavailableError
from imgbot.domain.job import InputPhoto
from imgbot.storage.albums import Albums, Item
from imgbot.storage.client import Client
from imgbot.storage.results import ResultStore
from imgbot.storage.users import UserStore
from imgbot.supervisor import DRAIN_S
from tests.fixtures.waiting import PATIENCE_S

NOW = 1_800_000_000_000
WHOLE = NOW + 60_000


async def test_a_hang_in_the_dialogue_costs_no_album(redis: Client) -> None:
    albums, asked = Albums(redis), asyncio.Queue[object]()
    context = {"update_id": 5, "user_id": 1, "chat_id": 1, "language": "en"}
    for number in (1, 2):
        photo = InputPhoto(f"f{number}", f"u{number}")
        await albums.add("1.9", "1.1", Item(number, photo, "collage", context), NOW)

    def hang(key: object) -> str:
        asked.put_nowait(key)
        raise StorageUnavailableError("Timeout reading from unix socket")

    clock_ms, messenger = iter(range(WHOLE, WHOLE + 10_000_000, 5_000)), AsyncMock()
    app: Any = Mock(
        albums=albums,
        users=UserStore(redis),
        results=ResultStore(redis),
        messenger=messenger,
        now_ms=lambda: next(clock_ms),
    )
    dialogues = Dialogues(redis, app)
    dialogues._states = cast("Any", Mock(get_state=AsyncMock(side_effect=hang)))
    caught_up = asyncio.Event()
    caught_up.set()
    processor = AlbumProcessor(app, dialogues, caught_up, lambda _: False)
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        running = group.create_task(processor.run(asyncio.Event(), DRAIN_S))
        for _ in range(2):
            await asked.get()
        await cancel_and_wait_current(running)

    messenger.send_text.assert_not_called()
    assert len(await albums.items("1.9")) == 2


async def test_an_album_is_due_when_the_clock_was_set_back(redis: Client) -> None:
    albums = Albums(redis)
    await albums.add("1.9", "1.1", Item(1, InputPhoto("f", "u"), "collage", {}), NOW)

    assert await albums.due(NOW - 3_600_000) == (["1.9"], 0)
