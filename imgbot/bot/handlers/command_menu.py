"""Command lists and profile texts in Telegram's menus, in both languages."""

from collections.abc import Iterable

from aiogram import Bot
from aiogram.types import BotCommand, BotCommandScopeChat

from imgbot.bot.handlers.admin import router as admin
from imgbot.domain.errors import ImgbotError
from imgbot.domain.operations import ACTIONS
from imgbot.domain.texts import LANGUAGES, t
from imgbot.telegram.client import telegram_errors
from imgbot.telemetry import events as telemetry

COMMANDS = (
    *ACTIONS, "undo", "compare", "last", "history",
    "queue", "limits", "settings", "quiet", "cancel", "help",
)  # fmt: skip


async def publish_commands(bot: Bot, admins: Iterable[int]) -> None:
    """Register commands and profile texts. A failure does not stop the bot from serving."""
    try:
        for language in LANGUAGES:
            code = _code(language)
            async with telegram_errors():
                await bot.set_my_commands(_commands(language, COMMANDS), language_code=code)
                await bot.set_my_short_description(t(language, "about"), language_code=code)
                await bot.set_my_description(t(language, "description"), language_code=code)
    except ImgbotError as error:
        telemetry.warning("the bot's menus were not registered: %s", error)
    for some_id in admins:
        await publish_admin_commands(bot, some_id)


async def publish_admin_commands(bot: Bot, admin_id: int) -> None:
    """Register the admin commands in each admin's private chat, and in no other."""
    scope = BotCommandScopeChat(chat_id=admin_id)
    try:
        for language in LANGUAGES:
            commands = _commands(language, (*COMMANDS, *admin.COMMANDS))
            async with telegram_errors():
                await bot.set_my_commands(commands, scope, language_code=_code(language))
    except ImgbotError as error:
        # An admin who has not written to the bot has no chat yet; /start repeats the registration.
        telemetry.info("administrator %d has no menu yet: %s", admin_id, error)


def _commands(language: str, names: Iterable[str]) -> list[BotCommand]:
    return [BotCommand(command=name, description=t(language, f"command_{name}")) for name in names]


def _code(language: str) -> str | None:
    # Telegram shows the list without a language to users of any other language.
    return None if language == "en" else language
