"""Settings that persist: one message of buttons, each of which changes one setting."""

from dataclasses import replace

from aiogram.types import CallbackQuery, Message

from imgbot.bot.responder import Responder
from imgbot.domain.preferences import RATIOS, VARIANTS, Preferences
from imgbot.domain.texts import LANGUAGES, buttons, t
from imgbot.storage.users import UserStore


async def handle_settings(_: Message, responder: Responder) -> None:
    """/settings."""
    context = responder.context
    rows = buttons.settings(context.language, context.preferences, context.user_id)
    await responder.reply("settings", rows)


async def on_setting_callback(
    _: CallbackQuery, argument: str, responder: Responder, users: UserStore
) -> str:
    """Change one setting and update the message; returns the answer to the callback."""
    context = responder.context
    name, _sep, rest = argument.partition(".")
    value, _sep, owner = rest.partition(".")
    if owner != str(context.user_id):
        return "not_your_button"
    preferences = apply_change(context.preferences, name, value)
    if preferences is None:
        return "unknown_button"
    await users.set_preference(context.user_id, preferences)
    language = preferences.language or context.language
    rows = buttons.settings(language, preferences, context.user_id)
    await responder.update_panel(t(language, "settings"), rows)
    return ""


async def on_subscription_callback(_: CallbackQuery, responder: Responder, users: UserStore) -> str:
    """Button under a broadcast: unsubscribe."""
    context = responder.context
    preferences = replace(context.preferences, is_unsubscribed=True)
    await users.set_preference(context.user_id, preferences)
    return "news_off"


def apply_change(preferences: Preferences, name: str, value: str) -> Preferences | None:
    """Return the preferences with one of them changed; None for an unknown value."""
    ratio = "" if value == "any" else value.replace("x", ":")
    match name:
        case "language" if value in LANGUAGES:
            return replace(preferences, language=value)
        case "ratio" if ratio in {"", *RATIOS}:
            return replace(preferences, ratio=ratio)
        case "variants" if value in map(str, VARIANTS):
            return replace(preferences, variants=int(value))
        case "file" if value in {"0", "1"}:
            return replace(preferences, is_file=value == "1")
        case "quiet" if value in {"0", "1"}:
            return replace(preferences, is_quiet=value == "1")
        case "news" if value in {"0", "1"}:
            return replace(preferences, is_unsubscribed=value == "0")
        case _:
            return None
