"""General commands, the command menu, small talk, and unsupported messages."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from aiogram import Bot
from aiogram.types import (
    BotCommand,
    BotCommandScopeAllGroupChats,
    BotCommandScopeChat,
    CallbackQuery,
    Message,
)

from imgbot.bot.app import App
from imgbot.bot.commands import ChatCommand, CommandTable
from imgbot.bot.dialogue import Audience, Dialogue
from imgbot.bot.messages import (
    PICTURE_LIMIT_MB,
    UNREADABLE,
    command_of,
    replied_message,
)
from imgbot.bot.policy import AccessPolicy
from imgbot.domain.buttons import ButtonAction, Keyboard, button, in_rows
from imgbot.domain.errors import ImgbotError, UserError
from imgbot.domain.operations import ACTIONS
from imgbot.domain.result_buttons import CANCEL
from imgbot.domain.texts import LANGUAGES, has_text, t
from imgbot.telegram.client import telegram_errors
from imgbot.telemetry import events

_FRESH_S = 600
_CIRCLE = "circle"
_CIRCLE_PICTURE = Path(__file__).parents[1] / "circle.jpg"
"""A photo, the photo with a line drawn on it, and what became of it (NASA, public domain)."""
_ALL_TOPICS = "all"
"""Argument of the button that returns to the topics of the help."""
CANCELLED = {
    "ok": "cancelling",
    "gone": "cancel_over",
    "not_yours": "not_your_button",
    "too_late": "cancel_too_late",
    "cancelled_late": "cancelled_late",
}


def menu_rows(language: str) -> Keyboard:
    first, *others = [button(language, each, f"start:{each}") for each in ACTIONS]
    return [[first], *in_rows(others, 2)]


def help_rows(language: str, topics: Sequence[str]) -> Keyboard:
    first, *others = [button(language, topic, f"help:{topic}") for topic in topics]
    return [[first], *in_rows(others, 2)]


def topic_rows(language: str, topic: str) -> Keyboard:
    """Buttons under one topic: start its operation, if it is one, and back to all topics."""
    start = [[button(language, topic, f"start:{topic}")]] if topic in ACTIONS else []
    return [*start, [button(language, "back", f"help:{_ALL_TOPICS}")]]


async def handle_start(message: Message, dialogue: Dialogue) -> None:
    context = dialogue.context
    await dialogue.state.clear()
    text = "\n\n".join(filter(None, (dialogue.app.welcome, dialogue.t("start"))))
    await dialogue.say(text, menu_rows(context.language))
    if context.is_private and dialogue.is_by_admin and message.bot:
        await publish_admin_commands(message.bot, context.user_id, dialogue.app.commands)


async def handle_cancel(_: Message, dialogue: Dialogue) -> None:
    """Leave the dialogue, or else cancel the latest active job of this chat."""
    app = dialogue.app
    question, _expired = await dialogue.question()
    if question:
        # Answer before the state is cleared: if the answer fails, the same update comes again
        # and must not find a job to cancel instead.
        rows = menu_rows(dialogue.language)
        await dialogue.say(dialogue.t("cancel_dialogue"), rows, Audience.ASKER)
        await dialogue.state.clear()
        return
    jobs = await app.queue.jobs_in(dialogue.context.chat_id, dialogue.user_id)
    newest = next((job.id for job in reversed(jobs) if not job.is_called_off), "")
    job_id = await app.users.once(f"cancel.{dialogue.context.request}", newest)
    verdict = await app.queue.cancel(job_id, dialogue.user_id, app.now_ms()) if job_id else "gone"
    # A cancelled job reports it itself, in its status message.
    if verdict != "ok":
        key = "cancel_too_late" if verdict == "too_late" else "cancel_nothing"
        await dialogue.say(dialogue.t(key), to=Audience.ASKER)


async def on_cancel_callback(callback: CallbackQuery, argument: str, dialogue: Dialogue) -> str:
    """Cancel the job; a duplicate status message, left by a lost answer, is removed as well."""
    app, context = dialogue.app, dialogue.context
    job = await app.queue.job(argument)
    verdict = await app.queue.cancel(argument, context.user_id, app.now_ms())
    is_left_over = job is not None and job.progress.message_id not in {0, context.message_id}
    # A forged callback must not remove another user's message, and none removes the /queue list.
    if is_left_over and verdict in {"ok", "too_late"} and _is_alone(callback):
        await dialogue.remove_panel()
    return CANCELLED[verdict]


def _is_alone(callback: CallbackQuery) -> bool:
    """Return true if the pressed button is the only one of its message, as in a status message."""
    markup = callback.message.reply_markup if isinstance(callback.message, Message) else None
    rows = markup.inline_keyboard if markup else []
    return [button.callback_data for row in rows for button in row] == [callback.data]


async def handle_unknown_command(message: Message, dialogue: Dialogue) -> None:
    await dialogue.app.queue_stats.note_not_understood(
        dialogue.user_id, dialogue.context.update_id, f"/{command_of(message)}"
    )
    raise UserError("unknown_command")


async def handle_unsupported(message: Message, _: Dialogue) -> None:
    raise UserError(UNREADABLE[message.content_type])


async def handle_edited(message: Message, _: Dialogue) -> None:
    """Edit of a sent message: the first version is the request."""
    if message.edit_date and message.edit_date - int(message.date.timestamp()) < _FRESH_S:
        raise UserError("edited_message")


async def publish_commands(bot: Bot, table: CommandTable, admins: Iterable[int]) -> None:
    """Register commands and profile texts. A failure does not stop the bot from serving."""
    try:
        for language in LANGUAGES:
            code = _code(language)
            async with telegram_errors():
                listed, groups = table.menu(), BotCommandScopeAllGroupChats()
                await bot.set_my_commands(_commands(language, listed), language_code=code)
                commands = _commands(language, listed, is_group=True)
                await bot.set_my_commands(commands, groups, language_code=code)
                await bot.set_my_short_description(t(language, "about"), language_code=code)
                await bot.set_my_description(t(language, "description"), language_code=code)
    except ImgbotError as error:
        events.warning("the bot's menus were not registered: %s", error)
    for some_id in sorted(admins):
        await publish_admin_commands(bot, some_id, table)


async def publish_admin_commands(bot: Bot, admin_id: int, table: CommandTable) -> None:
    """Register the admin commands in each admin's private chat, and in no other."""
    scope = BotCommandScopeChat(chat_id=admin_id)
    try:
        for language in LANGUAGES:
            commands = _commands(language, table.menu(is_admin=True))
            async with telegram_errors():
                await bot.set_my_commands(commands, scope, language_code=_code(language))
    except ImgbotError as error:
        # An admin who has not written to the bot has no chat yet; /start repeats the registration.
        events.info("administrator %d has no menu yet: %s", admin_id, error)


def _commands(
    language: str, listed: Iterable[ChatCommand], *, is_group: bool = False
) -> list[BotCommand]:
    return [
        BotCommand(
            command=each.name,
            description=t(language, f"command_{each.name}"),
            is_ephemeral=(is_group and each.is_personal) or None,
        )
        for each in listed
    ]


def _code(language: str) -> str | None:
    # Telegram shows the list without a language to users of any other language.
    return None if language == "en" else language


async def handle_small_talk(message: Message, dialogue: Dialogue) -> None:
    """A short answer; remarks between members of a group about a picture need none."""
    if dialogue.context.is_private or replied_message(message) is None:
        await dialogue.say(dialogue.t("pleasantry"))


async def handle_help(_: Message, dialogue: Dialogue) -> None:
    """Send the topics; a group gets one line, as long texts would disturb its members."""
    if dialogue.context.is_private:
        known = topics(dialogue.app.policy, is_admin=dialogue.is_by_admin)
        await dialogue.say(dialogue.t("help"), help_rows(dialogue.language, known))
    else:
        await dialogue.say(help_text(dialogue.language, "in_group", dialogue.app))


async def on_help_callback(_: CallbackQuery, argument: str, dialogue: Dialogue) -> str:
    known = topics(dialogue.app.policy, is_admin=dialogue.is_by_admin)
    if argument == _ALL_TOPICS:
        rows = help_rows(dialogue.language, known)
        await dialogue.edit(dialogue.t("help"), rows)
    elif argument == _CIRCLE:
        await dialogue.send(_CIRCLE_PICTURE, dialogue.t("help_circle"), is_photo=True)
    elif argument in known:
        rows = topic_rows(dialogue.language, argument)
        await dialogue.edit(help_text(dialogue.language, argument, dialogue.app), rows)
    else:
        return "unknown_button"
    return ""


def topics(policy: AccessPolicy, *, is_admin: bool = False) -> Sequence[str]:
    """Topics of the help: each operation, then the rest."""
    engine = ("engine",) if policy.has_builtin_engine else ()
    return (
        *ACTIONS,
        _CIRCLE,
        *engine,
        "pictures",
        "account",
        "groups",
        *(["admin"] if is_admin else []),
    )


def help_text(language: str, topic: str, app: App) -> str:
    """Text of a topic, in the variant that holds for this provider and this bot.

    The built-in engine has its own examples, and mentions are promised only if Telegram
    delivers them.
    """
    key = f"help_{topic}"
    variants = {
        "engine": app.policy.has_builtin_engine,
        "mentions": app.identity.reads_groups,
    }
    for variant, is_given in variants.items():
        if is_given and has_text(f"{key}_{variant}"):
            key = f"{key}_{variant}"
    listed = app.commands.menu(is_admin=True)
    text = t(
        language,
        key,
        name=app.identity.name,
        limit_mb=PICTURE_LIMIT_MB,
        vocabulary=t(language, "vocabulary"),
        commands=_lines(language, (each for each in listed if each.is_for_admins)),
    )
    added = _lines(language, (each for each in listed if each.help_topic == topic))
    return "\n".join(filter(None, (text, added)))


def _lines(language: str, listed: Iterable[ChatCommand]) -> str:
    return "\n".join(f"/{each.name}: {t(language, f'command_{each.name}')}" for each in listed)


COMMANDS = (
    ChatCommand("start", handle_start),
    # The link to the help that groups get.
    ChatCommand("start", handle_help, payload="help"),
    ChatCommand("cancel", handle_cancel, menu_place=7, is_personal=True),
    ChatCommand("help", handle_help, menu_place=7),
)
BUTTONS = (
    (CANCEL, on_cancel_callback),
    (ButtonAction("help", is_repeatable=True), on_help_callback),
)
