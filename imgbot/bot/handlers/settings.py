"""Settings that persist: one message of buttons, each of which changes one setting."""

from dataclasses import replace

from aiogram.types import CallbackQuery, Message

from imgbot.bot.context import RequestContext
from imgbot.bot.requests import RequestService
from imgbot.domain.preferences import RATIOS, VARIANTS, Preferences
from imgbot.domain.texts import LANGUAGES, buttons, t


async def handle_settings(_: Message, context: RequestContext, service: RequestService) -> None:
    """/settings."""
    rows = buttons.settings(context.language, context.preferences, context.user_id)
    await service.reply(context, "settings", rows)


async def on_setting_callback(
    callback: CallbackQuery, argument: str, context: RequestContext, service: RequestService
) -> str:
    """Change one setting and update the message; returns the answer to the callback."""
    name, _, rest = argument.partition(".")
    value, _, owner = rest.partition(".")
    if owner != str(context.user_id):
        return "not_your_button"
    liked = apply_change(context.preferences, name, value)
    if liked is None:
        return "unknown_button"
    await service.store.users.set_preference(context.user_id, liked)
    language = liked.language or context.language
    if callback.message is not None:
        rows = buttons.settings(language, liked, context.user_id)
        text = t(language, "settings")
        await service.edit_text(context, callback.message.message_id, text, rows)
    return ""


async def on_subscription_callback(context: RequestContext, service: RequestService) -> str:
    """Button under a broadcast: unsubscribe."""
    liked = replace(context.preferences, is_unsubscribed=True)
    await service.store.users.set_preference(context.user_id, liked)
    return "news_off"


def apply_change(liked: Preferences, name: str, value: str) -> Preferences | None:
    """Return the preferences with one of them changed; None for an unknown value."""
    ratio = "" if value == "any" else value.replace("x", ":")
    match name:
        case "language" if value in LANGUAGES:
            return replace(liked, language=value)
        case "ratio" if ratio in {"", *RATIOS}:
            return replace(liked, ratio=ratio)
        case "variants" if value in map(str, VARIANTS):
            return replace(liked, variants=int(value))
        case "file" if value in {"0", "1"}:
            return replace(liked, is_file=value == "1")
        case "quiet" if value in {"0", "1"}:
            return replace(liked, is_quiet=value == "1")
        case "news" if value in {"0", "1"}:
            return replace(liked, is_unsubscribed=value == "0")
        case _:
            return None
