"""/help: one short message with a button for each topic; in a group a line and a link."""

from collections.abc import Sequence

from aiogram.types import CallbackQuery, Message

from imgbot.bot.dialogue import Dialogue
from imgbot.bot.messages import PICTURE_LIMIT_MB, BotIdentity
from imgbot.bot.requests import AccessPolicy
from imgbot.domain.operations import ACTIONS
from imgbot.domain.texts import buttons, has_text, t


async def handle_help(
    _: Message, dialogue: Dialogue, policy: AccessPolicy, identity: BotIdentity
) -> None:
    """Send the topics; a group gets one line, as long texts would disturb its members."""
    language = dialogue.context.language
    if dialogue.context.is_private:
        await dialogue.reply("help", buttons.help_topics(language, topics(policy)))
    else:
        await dialogue.reply_text(help_text(language, "in_group", policy, identity))


async def on_help_callback(
    _: CallbackQuery,
    argument: str,
    dialogue: Dialogue,
    policy: AccessPolicy,
    identity: BotIdentity,
) -> str:
    language = dialogue.context.language
    if argument == buttons.ALL_TOPICS:
        await dialogue.update_panel(
            t(language, "help"), buttons.help_topics(language, topics(policy))
        )
    elif argument in topics(policy):
        text = help_text(language, argument, policy, identity)
        await dialogue.update_panel(text, buttons.help_topic(language, argument))
    else:
        return "unknown_button"
    return ""


def topics(policy: AccessPolicy) -> Sequence[str]:
    """Topics of the help: each operation, then the rest."""
    engine = ("engine",) if policy.has_builtin_engine else ()
    return (*ACTIONS, *engine, "pictures", "account", "groups")


def help_text(language: str, topic: str, policy: AccessPolicy, identity: BotIdentity) -> str:
    """Text of a topic, in the variant that holds for this provider and this bot.

    The built-in engine has its own examples, and mentions are promised only if Telegram
    delivers them.
    """
    key = f"help_{topic}"
    variants = {"engine": policy.has_builtin_engine, "mentions": identity.reads_groups}
    for variant, is_given in variants.items():
        if is_given and has_text(f"{key}_{variant}"):
            key = f"{key}_{variant}"
    return t(
        language,
        key,
        name=identity.name,
        limit_mb=PICTURE_LIMIT_MB,
        vocabulary=t(language, "vocabulary"),
    )
