"""Stickers: a cut-out is sent as a sticker beside its picture.

The operation stands with the others in `imgbot.domain.operations`; a worker makes the file.
"""

from imgbot.features.feature import Core, Feature, Seams
from imgbot.features.stickers.sending import StickerSender


def _build(core: Core) -> Seams:
    return Seams(hooks=StickerSender(core.pool, core.app.messenger, core.app.results).hooks)


FEATURE = Feature("stickers", _build)
