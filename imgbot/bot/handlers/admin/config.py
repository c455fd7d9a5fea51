"""Settings changed from the chat: /config; each change is confirmed, and can be undone."""

from collections.abc import Mapping

from aiogram.types import CallbackQuery, Message

from imgbot.bot.dialogue import CallbackHandler, Dialogue, MessageHandler
from imgbot.bot.messages import clean, text_after
from imgbot.config.changed import CHANGEABLE, ChangedSettings
from imgbot.config.sources import docs
from imgbot.domain.errors import ConfigError, UserError
from imgbot.domain.texts import buttons

_VALUE_SHOWN = 300


def _changed(dialogue: Dialogue) -> ChangedSettings:
    changed = dialogue.app.changed
    if changed is None:
        raise UserError("config_cluster")
    return changed


async def handle_config(message: Message, dialogue: Dialogue) -> None:
    """/config lists settings, /config NAME explains one, /config NAME VALUE changes it."""
    changed, text = _changed(dialogue), clean(text_after(message))
    name, _, value = text.partition(" ")
    name = f"IMGBOT_{name.upper().removeprefix('IMGBOT_')}" if name else ""
    if name and name not in CHANGEABLE:
        raise UserError("config_unknown", names="\n".join(CHANGEABLE))
    if not name:
        lines = [f"{each} = {_shown(changed, each, dialogue)}" for each in CHANGEABLE]
        await dialogue.reply_text("\n".join([dialogue.t("config_list"), "", *lines]))
    elif not value:
        about = docs()[name]
        facts = {"name": name, "now": _shown(changed, name, dialogue)}
        await dialogue.reply("config_about", **facts, help=about["help"], write=about["expected"])
    else:
        await _ask(dialogue, changed, name, value.strip())


def _shown(changed: ChangedSettings, name: str, dialogue: Dialogue) -> str:
    """Return the value of a setting, or its default."""
    default = docs()[name].get("default", "").strip("`") or changed.default_of(name)
    told = dialogue.t("config_unset") if default.startswith("unset") else default
    return changed.value_of(name)[:_VALUE_SHOWN] or told


async def _ask(dialogue: Dialogue, changed: ChangedSettings, name: str, value: str) -> None:
    try:
        await dialogue.app.try_settings(changed.check(name, value))
    except ConfigError as error:
        raise UserError("config_refused", why=str(error)) from None
    draft = f"{dialogue.user_id}.{dialogue.context.request}"
    await dialogue.app.access.draft(draft, name, value)
    rows = buttons.config(dialogue.language, dialogue.context.request)
    before = _shown(changed, name, dialogue)
    await dialogue.reply("config_ask", rows, name=name, before=before, value=value[:_VALUE_SHOWN])


async def on_config_callback(_: CallbackQuery, argument: str, dialogue: Dialogue) -> str:
    """Apply the change that the request in the argument asked for, drop it, or take it back."""
    changed, (action, _sep, request) = _changed(dialogue), argument.partition(".")
    draft = f"{dialogue.user_id}.{request}"
    name, value, is_done = await dialogue.app.access.drafted(draft)
    if action not in {"go", "drop", "undo"} or not name:
        return "stale_button"
    if action == "drop":
        await dialogue.app.access.drop_draft(draft)
        await dialogue.remove_panel()
        return "config_dropped"
    if is_done != (action == "undo") or (is_done and changed.value_of(name) != value):
        return "stale_button"
    wanted = changed.former(name) if action == "undo" else value
    try:
        changed.write(name, wanted, f"administrator {dialogue.user_id}")
    except (ConfigError, OSError) as error:
        raise UserError("config_refused", why=str(error)) from None
    # What was changed takes effect, whatever becomes of its message.
    dialogue.app.restart()
    if action == "undo":
        await dialogue.app.access.drop_draft(draft)
    else:
        await dialogue.app.access.draft(draft, name, value, is_done=True)
    rows = [] if action == "undo" else buttons.config_undo(dialogue.language, request)
    shown = _shown(changed, name, dialogue)
    await dialogue.update_panel(dialogue.t("config_done", name=name, value=shown), rows)
    return ""


COMMANDS: Mapping[str, MessageHandler] = {"config": handle_config}
CALLBACKS: Mapping[str, CallbackHandler] = {"config": on_config_callback}
