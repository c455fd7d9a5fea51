"""Stickers: a cut-out is sent as a sticker beside its picture, and joins its user's pack.

The operation stands with the others in `imgbot.domain.operations`; a worker makes the file.
"""

from aiogram.types import Message

from imgbot.bot.dialogue import Dialogue
from imgbot.features.feature import Core, Feature, Seams
from imgbot.features.stickers.packs import PACKS, StickerPacks, forget_packs
from imgbot.features.stickers.sending import PACK, StickerSender
from imgbot.storage.keys import Owner
from imgbot.storage.results import ResultStore


async def _answer_pack(_: Message, dialogue: Dialogue) -> None:
    await dialogue.say(dialogue.t("pack_how"))


def _build(core: Core) -> Seams:
    packs, results = StickerPacks(core.redis, core.pictures), ResultStore(core.redis)
    return Seams(
        actions=[(PACK, packs.on_press)],
        answers={"sticker_pack": _answer_pack},
        hooks=StickerSender(core.pool, core.messenger, results).hooks,
    )


FEATURE = Feature("stickers", _build, {PACKS: (Owner.METHOD,)}, forget_packs)
