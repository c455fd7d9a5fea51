"""Sticker packs of users: the button under a sticker adds it to theirs."""

from collections.abc import Collection
from dataclasses import dataclass

from aiogram.types import CallbackQuery, Message, User

from imgbot.bot.dialogue import Dialogue
from imgbot.bot.pictures import Pictures
from imgbot.domain.errors import ChatGoneError, UserError
from imgbot.storage import keys
from imgbot.storage.client import Client
from imgbot.telegram.messenger import cut

# SET per user id: names of the sticker packs that the bot made for them, or was about to make.
PACKS = "img:packs:"

_TITLE_LENGTH, _PACKS_MAX = 64, 20


async def forget_packs(redis: Client, users: Collection[int]) -> None:
    """List packs of users among what is deleted later: Telegram may not answer now."""
    for user in users:
        for name in await redis.smembers(f"{PACKS}{user}"):
            await redis.hset(keys.FORGOTTEN, f"pack.{name}", str(user))
        await redis.unlink(f"{PACKS}{user}")


@dataclass(frozen=True, slots=True)
class StickerPacks:
    """Packs of users; their names end with the bot's."""

    redis: Client
    pictures: Pictures

    async def on_press(self, callback: CallbackQuery, job_id: str, dialogue: Dialogue) -> str:
        """Add the sticker to the user's newest pack, or to a new one; may be repeated."""
        await self.pictures.owned_result(job_id, dialogue)
        sticker = callback.message.sticker if isinstance(callback.message, Message) else None
        if sticker is None:
            raise UserError("stale_button")
        try:
            name = await self._add(sticker.file_id, callback.from_user, dialogue)
        except ChatGoneError:
            # They have never opened the bot.
            raise UserError("pack_unknown_user", name=dialogue.identity.name) from None
        await dialogue.say(dialogue.t("pack_added", name=name))
        return ""

    async def _add(self, file_id: str, user: User, dialogue: Dialogue) -> str:
        """Return the name of the pack that the sticker is in.

        Names tell the user, a number and the bot: a pack that was made just before a crash is found
        again, and one that is full, or whose name Telegram still holds, is followed by the next.
        """
        bot_name, messenger = dialogue.identity.name, dialogue.messenger
        for number in range(1, _PACKS_MAX + 1):
            name = f"u{user.id}_{number}_by_{bot_name}"
            is_added = await messenger.add_to_pack(user.id, name, file_id)
            if is_added is None:
                end = f" · @{bot_name}" + (f" · {number}" if number > 1 else "")
                title = cut(user.first_name, _TITLE_LENGTH - len(end)) + end
                await self.redis.sadd(f"{PACKS}{user.id}", name)
                is_added = await messenger.create_pack(user.id, name, title, file_id)
            if is_added:
                return name
        raise UserError("packs_full")
