"""General commands, the command menu, small talk, and unsupported messages."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiogram import Bot
from aiogram.types import (
    BotCommand,
    BotCommandScopeAllGroupChats,
    BotCommandScopeChat,
    CallbackQuery,
    Message,
)

from imgbot.bot.commands import ChatCommand, CommandTable
from imgbot.bot.dialogue import Dialogue, MessageHandler
from imgbot.bot.handlers.operations import START
from imgbot.bot.messages import (
    PICTURE_LIMIT_MB,
    UNREADABLE,
    BotIdentity,
    command_of,
    replied_message,
)
from imgbot.bot.policy import AccessPolicy
from imgbot.domain.buttons import Button, ButtonAction, Keyboard, in_rows, one_of
from imgbot.domain.errors import ImgbotError, UserError
from imgbot.domain.operations import ACTIONS
from imgbot.domain.texts import LANGUAGES, has_text, t
from imgbot.domain.words.vetoes import THANKS
from imgbot.storage.stats import QueueStats
from imgbot.telegram.client import telegram_errors
from imgbot.telemetry import events

_FRESH_S = 600
_CIRCLE = "circle"
ILLUSTRATIONS = Path(__file__).parents[1] / "illustrations"
_CIRCLE_PICTURE = ILLUSTRATIONS / "circle.jpg"
"""A photo, the photo with a line drawn on it, and what became of it (NASA, public domain)."""
_ALL_TOPICS = "all"
"""Argument of the button that returns to the topics of the help."""

_IDEAS = range(1, 7)

_HELP = ButtonAction("help", is_repeatable=True)
_TOPICS = ButtonAction("topics")
"""Send the topics below the examples: a photo cannot become a text."""

IDEA = ButtonAction("idea", (one_of(*_IDEAS),))


def menu_rows(language: str) -> Keyboard:
    first, *others = [START.button(language, each, key=each) for each in ACTIONS]
    return [[first], *in_rows(others, 2)]


def help_rows(language: str, topics: Sequence[str]) -> Keyboard:
    first, *others = [_HELP.button(language, topic, key=topic) for topic in topics]
    return [[first], *in_rows(others, 2)]


def idea_rows(language: str) -> Keyboard:
    """Buttons that draw what they say."""
    return [[IDEA.button(language, each, key=f"idea_{each}")] for each in _IDEAS]


def example_rows(language: str) -> Keyboard:
    """Buttons under the picture of the examples, numbered as they are there."""
    ideas = enumerate(idea_rows(language), 1)
    numbered = [[Button(f"{at} {idea.label}", idea.data)] for at, [idea] in ideas]
    return [*numbered, [_TOPICS.button(language, _ALL_TOPICS)]]


def topic_rows(language: str, topic: str) -> Keyboard:
    """Buttons under one topic: start its operation, if it is one, and back to all topics."""
    start = [[START.button(language, topic, key=topic)]] if topic in ACTIONS else []
    return [*start, [_HELP.button(language, _ALL_TOPICS, key="back")]]


@dataclass(frozen=True, slots=True)
class GeneralHandlers:
    """Handlers of general commands."""

    identity: BotIdentity
    policy: AccessPolicy
    table: CommandTable
    stats: QueueStats
    welcome: str
    """The operator's own words to those who start the bot; empty for none."""

    def add_to(self, table: CommandTable) -> None:
        table.add(
            ChatCommand("start", self.handle_start),
            # The link to the help that groups get.
            ChatCommand("start", self.handle_help, payload="help"),
            ChatCommand("help", self.handle_help, 7, is_uncounted=True),
            (_HELP, self.on_help_callback),
            (_TOPICS, self.on_topics_callback),
        )

    async def handle_start(self, message: Message, dialogue: Dialogue) -> None:
        context = dialogue.context
        await dialogue.state.clear()
        parts = self.welcome, dialogue.t("start"), dialogue.payment.terms(dialogue)
        text = "\n\n".join(filter(None, parts))
        await dialogue.say(text, menu_rows(context.language))
        if context.is_private and dialogue.is_by_admin and message.bot:
            await self._publish_admin_commands(message.bot, context.user_id)

    async def publish_commands(self, bot: Bot) -> None:
        """Register commands and profile texts. A failure does not stop the bot from serving."""
        try:
            for language in LANGUAGES:
                code = _code(language)
                async with telegram_errors():
                    listed, groups = self.table.menu(), BotCommandScopeAllGroupChats()
                    await bot.set_my_commands(_commands(language, listed), language_code=code)
                    commands = _commands(language, listed, is_group=True)
                    await bot.set_my_commands(commands, groups, language_code=code)
                    await bot.set_my_short_description(t(language, "about"), language_code=code)
                    await bot.set_my_description(t(language, "description"), language_code=code)
        except ImgbotError as error:
            events.warning("the bot's menus were not registered: %s", error)
        for some_id in sorted(self.policy.admins):
            await self._publish_admin_commands(bot, some_id)

    async def _publish_admin_commands(self, bot: Bot, admin_id: int) -> None:
        """Register the admin commands in each admin's private chat, and in no other."""
        scope = BotCommandScopeChat(chat_id=admin_id)
        try:
            for language in LANGUAGES:
                commands = _commands(language, self.table.menu(is_admin=True))
                async with telegram_errors():
                    await bot.set_my_commands(commands, scope, language_code=_code(language))
        except ImgbotError as error:
            # An admin who has not written to the bot has no chat yet; /start registers it again.
            events.info("administrator %d has no menu yet: %s", admin_id, error)

    def handler_of(self, name: str) -> MessageHandler:
        """Return the handler of a command for all, by its name alone."""
        command = self.table.command(name, "")
        is_known = command is not None and not command.is_for_admins
        return command.handler if command and is_known else self.handle_unknown_command

    async def handle_unknown_command(self, message: Message, dialogue: Dialogue) -> None:
        await self.note_not_understood(f"/{command_of(message)}", dialogue)
        raise UserError("unknown_command")

    async def note_not_understood(self, words: str, dialogue: Dialogue) -> None:
        """Keep words for administrators, who see what the bot lacks."""
        update_id = dialogue.context.update_id
        await self.stats.note_not_understood(dialogue.user_id, update_id, words)

    async def handle_help(self, _: Message, dialogue: Dialogue) -> None:
        """Send examples and the topics; a group gets one line, which disturbs its members less."""
        if dialogue.context.is_private:
            language = dialogue.language
            text = "\n\n".join(filter(None, (dialogue.t("help"), dialogue.payment.terms(dialogue))))
            examples = ILLUSTRATIONS / f"examples.{language}.jpg"
            await dialogue.illustrate(examples, text, example_rows(language))
        else:
            await dialogue.say(self.help_text(dialogue.language, "in_group"))

    async def on_topics_callback(self, _: CallbackQuery, __: str, dialogue: Dialogue) -> str:
        known = topics(self.policy, is_admin=dialogue.is_by_admin)
        await dialogue.say(dialogue.t("help_topics"), help_rows(dialogue.language, known))
        return ""

    async def on_help_callback(self, _: CallbackQuery, topic: str, dialogue: Dialogue) -> str:
        known = topics(self.policy, is_admin=dialogue.is_by_admin)
        if topic == _ALL_TOPICS:
            await dialogue.edit(dialogue.t("help_topics"), help_rows(dialogue.language, known))
        elif topic == _CIRCLE:
            await dialogue.illustrate(_CIRCLE_PICTURE, dialogue.t("help_circle"), [])
        elif topic in known:
            rows = topic_rows(dialogue.language, topic)
            await dialogue.edit(self.help_text(dialogue.language, topic), rows)
        else:
            return "unknown_button"
        return ""

    def help_text(self, language: str, topic: str) -> str:
        """Text of a topic, in the variant that holds for this provider and this bot.

        The built-in engine has its own examples, and mentions are promised only if Telegram
        delivers them.
        """
        key = f"help_{topic}"
        variants = {
            "engine": self.policy.has_builtin_engine,
            "mentions": self.identity.reads_groups,
        }
        for variant, is_given in variants.items():
            if is_given and has_text(f"{key}_{variant}"):
                key = f"{key}_{variant}"
        listed = self.table.menu(is_admin=True)
        text = t(
            language,
            key,
            name=self.identity.name,
            limit_mb=PICTURE_LIMIT_MB,
            vocabulary=t(language, "vocabulary"),
            commands=_lines(language, (each for each in listed if each.is_for_admins)),
        )
        added = _lines(language, (each for each in listed if each.help_topic == topic))
        return "\n".join(filter(None, (text, added)))


async def handle_unsupported(message: Message, _: Dialogue) -> None:
    raise UserError(UNREADABLE[message.content_type])


async def handle_edited(message: Message, _: Dialogue) -> None:
    """Edit of a sent message: the first version is the request."""
    if message.edit_date and message.edit_date - int(message.date.timestamp()) < _FRESH_S:
        raise UserError("edited_message")


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


async def handle_small_talk(topic: str, message: Message, dialogue: Dialogue) -> None:
    """A short answer; remarks between members of a group about a picture need none."""
    if dialogue.context.is_private or replied_message(message) is None:
        await dialogue.say(dialogue.t("pleasantry" if topic == THANKS else "tell_me"))


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


def _lines(language: str, listed: Iterable[ChatCommand]) -> str:
    return "\n".join(f"/{each.name}: {t(language, f'command_{each.name}')}" for each in listed)
