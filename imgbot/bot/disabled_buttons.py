"""Buttons that the previous release left disabled in groups; can go after the first release."""

import json
from contextlib import suppress
from typing import Any

from aiogram import Bot
from aiogram.types import InlineKeyboardMarkup

from imgbot.domain.errors import ImgbotError, TransientError
from imgbot.storage import keys
from imgbot.storage.client import Client
from imgbot.storage.entries import readable
from imgbot.telegram.client import telegram_errors


async def enable_buttons(redis: Client, bot: Bot) -> None:
    """Enable each noted button once; after a transient failure, at the next start."""
    with suppress(TransientError):
        noted = await redis.hgetall(keys.PRESSES)
        for name, chat_id, message_id, markup in readable(keys.PRESSES, _press, noted.items()):
            try:
                async with telegram_errors():
                    await bot.edit_message_reply_markup(
                        chat_id=chat_id, message_id=message_id, reply_markup=markup
                    )
            except TransientError:
                continue
            except ImgbotError:
                # It is enabled already, or gone.
                pass
            await redis.hdel(keys.PRESSES, name)


def _press(noted: tuple[Any, Any]) -> tuple[str, int, int, InlineKeyboardMarkup]:
    chat_id, message_id, _, _, rows = json.loads(noted[1])[:5]
    return noted[0], chat_id, message_id, InlineKeyboardMarkup(inline_keyboard=rows)
