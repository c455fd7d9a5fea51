"""Stickers: a cut-out is sent as a sticker beside its picture, and joins its user's pack.

The operation stands with the others in `imgbot.domain.operations`; a worker makes the file.
"""

from imgbot.features.feature import Core, Feature, Seams
from imgbot.features.stickers.packs import StickerPacks
from imgbot.features.stickers.sending import PACK, StickerSender
from imgbot.storage.results import ResultStore
from imgbot.storage.users import UserStore


def _build(core: Core) -> Seams:
    packs, results = StickerPacks(UserStore(core.redis), core.pictures), ResultStore(core.redis)
    return Seams(
        actions=[(PACK, packs.on_press)],
        hooks=StickerSender(core.pool, core.messenger, results).hooks,
    )


FEATURE = Feature("stickers", _build)
