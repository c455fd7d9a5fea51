"""Privacy: what is stored of a user, and its removal: /privacy, /forget_me."""

from collections.abc import Sequence

from aiogram.types import CallbackQuery, Message

from imgbot.bot.context import NowMs
from imgbot.bot.dialogue import Dialogue
from imgbot.domain.texts import buttons, has_text, in_time
from imgbot.storage.forgetting import Forgetting
from imgbot.storage.spend import Spend

_DAY_S = 86_400

Makers = Sequence[tuple[str, str]]
"""Name and country code, if known, of each service that pictures are ordered from."""


def _makers(dialogue: Dialogue, makers: Makers) -> str:
    return ", ".join(_maker(dialogue, *maker) for maker in makers)


def _maker(dialogue: Dialogue, name: str, country: str) -> str:
    key = f"country_{country.lower()}"
    return f"{name} ({dialogue.t(key)})" if has_text(key) else name


async def handle_privacy(
    _: Message, dialogue: Dialogue, makers: Makers, forget_after_days: int, chat_host: str
) -> None:
    """/privacy: what is kept, where and how long, and who makes the pictures."""
    names = _makers(dialogue, makers)
    days = in_time(dialogue.language, forget_after_days * _DAY_S)
    silence = "privacy_silence" if forget_after_days else "privacy_no_silence"
    services = dialogue.t("privacy_makers" if names else "privacy_builtin", makers=names)
    if chat_host:
        services += " " + dialogue.t("privacy_chat", host=chat_host)
    await dialogue.reply(
        "privacy",
        silence=dialogue.t(silence, days=days),
        makers=services,
        user_id=dialogue.user_id,
    )


async def answer_privacy(_: Message, dialogue: Dialogue) -> None:
    await dialogue.reply("answer_privacy")


async def answer_provider(_: Message, dialogue: Dialogue, makers: Makers) -> None:
    names = _makers(dialogue, makers)
    await dialogue.reply("answer_provider" if names else "answer_engine", makers=names)


async def handle_forget_me(_: Message, dialogue: Dialogue) -> None:
    """/forget_me: one question before everything is deleted."""
    context = dialogue.context
    question = dialogue.t("forget_ask")
    if context.is_private and context.profile.is_allowed:
        question = f"{question} {dialogue.t('forget_ask_invited')}"
    await dialogue.reply_text(question, buttons.forget(context.language, context.user_id))


async def on_forget_callback(
    _: CallbackQuery,
    argument: str,
    dialogue: Dialogue,
    forgetting: Forgetting,
    spend: Spend,
    now_ms: NowMs,
    makers: Makers,
    chat_host: str,
) -> str:
    """Delete what is stored of the user whose id is the argument."""
    is_own = argument == str(dialogue.user_id)
    if not argument.isdecimal() or not (is_own or dialogue.is_by_admin):
        return "not_your_button"
    at_ms, update_id = now_ms(), dialogue.context.update_id
    await forgetting.forget({int(argument)}, at_ms, spend.today(at_ms), update_id)
    if not is_own:
        await dialogue.update_panel(dialogue.t("forget_done_other", user=argument), [])
        return ""
    lines = [dialogue.t("forget_done"), "", dialogue.t("forget_out_of_reach")]
    if recipients := ", ".join(filter(None, (_makers(dialogue, makers), chat_host))):
        lines.append(dialogue.t("forget_makers", makers=recipients))
    await dialogue.update_panel("\n".join([*lines, "", dialogue.t("forget_kept")]), [])
    return ""


COMMANDS = {"privacy": handle_privacy, "forget_me": handle_forget_me}
CALLBACKS = {"forget": on_forget_callback}
