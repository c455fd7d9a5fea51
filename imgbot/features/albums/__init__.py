"""Albums: photos arrive one by one and are buffered until the album is complete.

No handler waits: an item is stored and its update confirmed; a loop processes complete albums.
An album with a prompt is a merge, or a change of each photo. Where it may be both, or has none, the
user is asked; of two photos, unless one turns out to be the other with an area marked on it.

* `handlers`: of items, of a text that follows them, and of whole albums.
* `one_by_one`: two photos that were not sent as an album, with words that need both.
* `unsure`: the question about two photos, which have been compared.
* `processor`: the loop; `store`: incomplete albums, in Redis.
"""

import asyncio
from collections.abc import Collection

from imgbot.features.albums.handlers import EACH, AlbumHandlers
from imgbot.features.albums.one_by_one import SecondPhoto
from imgbot.features.albums.processor import AlbumProcessor
from imgbot.features.albums.store import KEYS, Albums
from imgbot.features.albums.unsure import HOOKS, PAIR, PairChoice
from imgbot.features.feature import Core, Feature, Intake, Seams
from imgbot.storage.client import Client
from imgbot.storage.results import ResultStore
from imgbot.storage.users import UserStore


def _build(core: Core) -> Seams:
    albums, results = Albums(core.redis), ResultStore(core.redis)
    parts = core.identity, core.policy, core.requests, core.operations
    handlers = AlbumHandlers(albums, UserStore(core.redis), *parts)
    pairs = PairChoice(core.requests, core.pictures, core.operations)

    async def process(intake: Intake, stopping: asyncio.Event, drain_s: float) -> None:
        await AlbumProcessor(handlers, results, core.now_ms, intake).run(stopping, drain_s)

    return Seams(
        message_routes=[handlers.route],
        actions=[(EACH, handlers.on_each), (PAIR, pairs.on_press)],
        prompt_takers=[handlers.add_prompt],
        picture_takers=[SecondPhoto(core.requests, core.pictures).take],
        kept_handlers={"album": handlers.handle_again},
        work=[process],
        hooks=HOOKS,
    )


async def _forget(redis: Client, users: Collection[int]) -> None:
    await Albums(redis).forget(users)


FEATURE = Feature("albums", _build, KEYS, _forget)
