"""Broadcasts: one message of an administrator to all users, except those who want no news.

* `handlers`: /broadcast, its preview, and the button by which users unsubscribe.
* `broadcaster`: sends, user by user; `broadcasts`: recipients, outcomes and progress, in Redis.

Who is unsubscribed is a setting of the user, among those of /settings.
"""

from imgbot.bot.commands import admin_command
from imgbot.features.broadcast.broadcaster import Broadcaster
from imgbot.features.broadcast.broadcasts import KEYS, Broadcasts
from imgbot.features.broadcast.handlers import CAST, NEWS, BroadcastHandlers
from imgbot.features.feature import Core, Feature, Seams
from imgbot.storage.users import UserStore


def _build(core: Core) -> Seams:
    broadcasts, users = Broadcasts(core.redis), UserStore(core.redis)
    handlers = BroadcastHandlers(broadcasts, users)
    broadcaster = Broadcaster(broadcasts, users, core.messenger, core.queue.persistence)
    return Seams(
        commands=[admin_command("broadcast", handlers.preview)],
        actions=[(CAST, handlers.on_press), (NEWS, handlers.on_unsubscribe)],
        work=[broadcaster.run],
    )


FEATURE = Feature("broadcast", _build, KEYS)
