"""Albums: photos arrive one by one and are buffered until the album is complete.

No handler waits: an item is stored and its update confirmed; a loop processes complete albums.
An album with a prompt is a merge; without one the user is asked.

* `handlers`: of items, of a text that follows them, and of whole albums.
* `processor`: the loop; `store`: incomplete albums, in Redis.
"""

import asyncio
from collections.abc import Collection

from imgbot.features.albums.handlers import AlbumHandlers
from imgbot.features.albums.processor import AlbumProcessor
from imgbot.features.albums.store import KEYS, Albums
from imgbot.features.feature import Core, Feature, Intake, Seams
from imgbot.storage.client import Client


def _build(core: Core) -> Seams:
    app, albums = core.app, Albums(core.redis)
    handlers = AlbumHandlers(albums, app.identity, app.policy, app.users, app.now_ms)

    async def process(intake: Intake, stopping: asyncio.Event, drain_s: float) -> None:
        await AlbumProcessor(handlers, app.results, intake).run(stopping, drain_s)

    return Seams(
        message_routes=[handlers.route],
        prompt_takers=[handlers.add_prompt],
        kept_handlers={"album": handlers.handle_again},
        work=[process],
    )


async def _forget(redis: Client, users: Collection[int]) -> None:
    await Albums(redis).forget(users)


FEATURE = Feature("albums", _build, KEYS, _forget)
