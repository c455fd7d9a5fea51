"""How the bot introduces itself in Telegram's own menus, in both languages."""

from aiogram import Bot
from aiogram.types import BotCommand

from imgbot import telemetry
from imgbot.errors import ImgbotError
from imgbot.telegram.client import telegram_errors
from imgbot.texts import LANGUAGES, say

COMMANDS = (
    "create", "edit", "merge", "retouch", "upscale", "undo", "compare", "last", "history",
    "queue", "limits", "settings", "quiet", "cancel", "help",
)  # fmt: skip


async def introduce(bot: Bot) -> None:
    """Register commands and profile texts. Their absence is no reason not to serve."""
    try:
        for language in LANGUAGES:
            # Telegram shows the list without a language to everybody else.
            code = None if language == "en" else language
            commands = [
                BotCommand(command=name, description=say(language, f"command_{name}"))
                for name in COMMANDS
            ]
            async with telegram_errors():
                await bot.set_my_commands(commands, language_code=code)
                await bot.set_my_short_description(say(language, "about"), language_code=code)
                await bot.set_my_description(say(language, "description"), language_code=code)
    except ImgbotError as error:
        telemetry.warned("the bot's menus were not registered: %s", error)
