"""Privacy: what is stored of a user, and its removal: /privacy, /forget_me."""

from collections.abc import Callable
from dataclasses import dataclass

from aiogram.types import CallbackQuery, Message

from imgbot.bot.dialogue import Dialogue
from imgbot.bot.requests import AccessPolicy
from imgbot.domain.texts import buttons, has_text, in_time, t
from imgbot.storage.forgetting import Forgetting
from imgbot.storage.spend import Spend

_DAY_S = 86_400

CONFIRM = "forget"
"""Action of the button that confirms; its argument is the user's id."""


@dataclass(frozen=True, slots=True)
class Privacy:
    """Privacy answers for users, and the removal of what is stored of one of them."""

    forgetting: Forgetting
    spend: Spend
    now_ms: Callable[[], int]
    makers: tuple[tuple[str, str], ...]
    """Name and country code, if known, of each service that pictures are ordered from."""
    forget_after_days: int
    """Days of silence after which users are forgotten; 0 never."""
    chat_host: str = ""
    """Host of the chat model that is asked about unsure messages, if there is one."""

    async def forget(self, user_id: int, update_id: int) -> None:
        """Forget a user on the request in an update."""
        now_ms = self.now_ms()
        await self.forgetting.forget({user_id}, now_ms, self.spend.today(now_ms), update_id)

    def names_of_makers(self, language: str) -> str:
        return ", ".join(_maker(language, name, country) for name, country in self.makers)

    def names_of_recipients(self, language: str) -> str:
        """Return every service to which something of a user was sent."""
        return ", ".join(filter(None, (self.names_of_makers(language), self.chat_host)))


def _maker(language: str, name: str, country: str) -> str:
    key = f"country_{country.lower()}"
    return f"{name} ({t(language, key)})" if has_text(key) else name


async def handle_privacy(_: Message, dialogue: Dialogue, privacy: Privacy) -> None:
    """/privacy: what is kept, where and how long, and who makes the pictures."""
    language = dialogue.context.language
    makers = privacy.names_of_makers(language)
    key = "privacy_makers" if makers else "privacy_builtin"
    days = in_time(language, privacy.forget_after_days * _DAY_S)
    silence = "privacy_silence" if privacy.forget_after_days else "privacy_no_silence"
    services = t(language, key, makers=makers)
    if privacy.chat_host:
        services += " " + t(language, "privacy_chat", host=privacy.chat_host)
    await dialogue.reply("privacy", silence=t(language, silence, days=days), makers=services)


async def answer_privacy(_: Message, dialogue: Dialogue) -> None:
    await dialogue.reply("answer_privacy")


async def answer_provider(_: Message, dialogue: Dialogue, privacy: Privacy) -> None:
    makers = privacy.names_of_makers(dialogue.context.language)
    await dialogue.reply("answer_provider" if makers else "answer_engine", makers=makers)


async def handle_forget_me(_: Message, dialogue: Dialogue) -> None:
    """/forget_me: one question before everything is deleted."""
    context = dialogue.context
    question = t(context.language, "forget_ask")
    if context.is_private and context.profile.is_allowed:
        question = f"{question} {t(context.language, 'forget_ask_invited')}"
    await dialogue.reply_text(question, buttons.forget(context.language, context.user_id))


async def on_forget_callback(
    _: CallbackQuery,
    argument: str,
    dialogue: Dialogue,
    policy: AccessPolicy,
    privacy: Privacy,
) -> str:
    context = dialogue.context
    is_own = argument == str(context.user_id)
    if not argument.isdecimal() or not (is_own or policy.is_admin(context.user_id)):
        return "not_your_button"
    await privacy.forget(int(argument), context.update_id)
    if not is_own:
        await dialogue.update_panel(t(context.language, "forget_done_other", user=argument), [])
        return ""
    lines = [t(context.language, "forget_done"), "", t(context.language, "forget_out_of_reach")]
    if makers := privacy.names_of_recipients(context.language):
        lines.append(t(context.language, "forget_makers", makers=makers))
    await dialogue.update_panel("\n".join([*lines, "", t(context.language, "forget_kept")]), [])
    return ""
