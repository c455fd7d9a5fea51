"""Albums that gather: whole in time, handled once, and kept where Redis fails."""

import asyncio
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

from imgbot.aio import cancel_and_wait_current
from imgbot.bot.dialogue import Dialogues
from imgbot.bot.messages import BotIdentity
from imgbot.domain.errors import StorageUnavailableError
from imgbot.domain.job import InputPhoto
from imgbot.features.albums.handlers import AlbumHandlers
from imgbot.features.albums.processor import AlbumProcessor
from imgbot.features.albums.store import ALBUM, Albums, Item
from imgbot.features.feature import Intake
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

    messenger, now_ms = AsyncMock(), iter(range(WHOLE, WHOLE + 10_000_000, 5_000)).__next__
    identity, policy, users = BotIdentity(1, "bot"), Mock(), UserStore(redis)
    dialogues = Dialogues(redis, messenger, users, identity, policy.is_admin, now_ms)
    dialogues._states = cast("Any", Mock(get_state=AsyncMock(side_effect=hang)))
    caught_up = asyncio.Event()
    caught_up.set()
    intake = Intake(dialogues, caught_up, lambda _: False)
    handlers = AlbumHandlers(albums, users, identity, policy, Mock(), Mock())
    processor = AlbumProcessor(handlers, ResultStore(redis), now_ms, intake)
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


async def gathered(redis: Client, *message_ids: int) -> Albums:
    albums = Albums(redis)
    for message_id in message_ids:
        photo = InputPhoto(f"f{message_id}", f"u{message_id}")
        await albums.add("1.9", "1.1", Item(message_id, photo, "", {"user_id": 1}), NOW)
    return albums


async def test_a_repeated_close_of_an_album_forgets_nothing_that_came_meanwhile(
    redis: Client,
) -> None:
    albums = await gathered(redis, 1, 2)
    handled = await albums.items("1.9")
    await gathered(redis, 3)

    for _ in range(2):
        await albums.close("1.9", "7", handled)

    assert [item.message_id for item in await albums.items("1.9")] == [3]
    assert await albums.due(NOW + 60_000) == (["1.9"], 0)


async def test_an_album_is_whole_a_moment_after_its_last_item_or_at_ten(redis: Client) -> None:
    albums = await gathered(redis, 1)
    assert await albums.due(NOW + 1499) == ([], NOW + 1500)
    # It waits as long as it takes.
    assert await redis.ttl(f"{ALBUM}1.9") == -1

    await gathered(redis, *range(2, 11))
    assert await albums.due(NOW) == (["1.9"], 0)
