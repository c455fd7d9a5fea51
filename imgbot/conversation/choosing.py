"""The settings that stay: one message of buttons, each press changes one thing."""

from dataclasses import replace

from aiogram.types import CallbackQuery, Message

from imgbot.conversation.desk import RequestService
from imgbot.conversation.visit import RequestContext
from imgbot.preferences import RATIOS, VARIANTS, Preferences
from imgbot.texts import LANGUAGES, buttons, t


async def handle_settings(_: Message, visit: RequestContext, desk: RequestService) -> None:
    """/settings."""
    rows = buttons.settings(visit.language, visit.preferences, visit.user_id)
    await desk.reply(visit, "settings", rows)


async def on_setting_callback(
    callback: CallbackQuery, argument: str, visit: RequestContext, desk: RequestService
) -> str:
    """Change one thing, and the message with it; returns the answer to the press."""
    name, _, rest = argument.partition(".")
    value, _, owner = rest.partition(".")
    if owner != str(visit.user_id):
        return "not_your_button"
    liked = apply_change(visit.preferences, name, value)
    if liked is None:
        return "unknown_button"
    await desk.store.users.set_preference(visit.user_id, liked)
    language = liked.language or visit.language
    if callback.message is not None:
        rows = buttons.settings(language, liked, visit.user_id)
        text = t(language, "settings")
        await desk.edit_text(visit, callback.message.message_id, text, rows)
    return ""


async def on_subscription_callback(visit: RequestContext, desk: RequestService) -> str:
    """The button under a broadcast: no more of them."""
    liked = replace(visit.preferences, is_unsubscribed=True)
    await desk.store.users.set_preference(visit.user_id, liked)
    return "news_off"


def apply_change(liked: Preferences, name: str, value: str) -> Preferences | None:
    """Return the preferences with one of them changed; None for what no button offers."""
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
