"""An album that Redis does not let be handled is kept, and nobody is told that it went wrong."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from imgbot.aio import cancel_and_wait_current
from imgbot.bot.albums import AlbumProcessor
from imgbot.bot.components import AccessPolicy
from imgbot.bot.dialogue import Dialogues
from imgbot.domain.errors import StorageUnavailableError
from imgbot.domain.job import InputPhoto
from imgbot.storage.albums import Albums, Item
from imgbot.storage.client import Client
from imgbot.storage.users import UserStore
from imgbot.supervisor import DRAIN_S
from tests.fixtures.waiting import PATIENCE_S

NOW = 1_800_000_000_000
WHOLE = NOW + 60_000


class HangingStates:
    """States of dialogues in a Redis that hangs at the first question."""

    def __init__(self) -> None:
        self.asked = 0
        self.is_asked_again = asyncio.Event()

    async def get_state(self, key: object) -> str:
        self.asked += 1
        if self.asked > 1:
            self.is_asked_again.set()
        raise StorageUnavailableError("Timeout reading from unix socket")


async def test_a_hang_in_the_dialogue_costs_no_album(redis: Client) -> None:
    albums, dialogue, said = Albums(redis), HangingStates(), list[str]()
    visit = {"update_id": 5, "user_id": 1, "chat_id": 1, "language": "en"}
    for number in (1, 2):
        photo = InputPhoto(f"f{number}", f"u{number}")
        await albums.add("1.9", "1.1", Item(number, photo, "collage", visit), NOW)

    async def send_text(_target: object, text: str, *_rows: object) -> int:
        said.append(text)
        return 1

    clock_ms = iter(range(WHOLE, WHOLE + 10_000_000, 5_000))
    app: Any = SimpleNamespace(
        identity=SimpleNamespace(id=1),
        albums=albums,
        users=UserStore(redis),
        policy=AccessPolicy(
            frozenset(), frozenset(), has_builtin_engine=True, price_of=lambda *_: 0
        ),
        messenger=SimpleNamespace(send_text=send_text),
        now_ms=lambda: next(clock_ms),
    )
    dialogues = Dialogues(redis, app)
    dialogues._states = cast("Any", dialogue)
    caught_up = asyncio.Event()
    caught_up.set()
    processor = AlbumProcessor(app, dialogues, caught_up, lambda _: False)
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        running = group.create_task(processor.run(asyncio.Event(), DRAIN_S))
        await dialogue.is_asked_again.wait()
        await cancel_and_wait_current(running)

    assert said == []
    assert len(await albums.items("1.9")) == 2
