"""Invitations: /invite for administrators, and the link that lets users in."""

import re
import secrets
from dataclasses import dataclass

from aiogram.types import Message

from imgbot.bot.dialogue import Dialogue, MessageHandler
from imgbot.bot.messages import BotIdentity, text_after
from imgbot.bot.policy import AccessPolicy
from imgbot.domain.errors import UserError
from imgbot.features.people.access import Access

INVITED = "i-"
"""Beginning of the argument of /start in the link of an invitation; its code follows."""

_INVITED_AT_ONCE = 100
_CODE_BYTES = 9
_CODE = re.compile(r"[A-Za-z0-9_-]{12}")


@dataclass(frozen=True, slots=True)
class InvitationHandlers:
    """Handlers of the command and of the link."""

    access: Access
    policy: AccessPolicy
    identity: BotIdentity
    handle_start: MessageHandler
    """Handler of /start without an invitation."""

    async def invite(self, message: Message, dialogue: Dialogue) -> None:
        """/invite [number]: a link that lets so many users in."""
        text = text_after(message).strip()
        if not self.policy.allowed:
            raise UserError("allow_open")
        count = int(text) if text.isdecimal() and len(text) < 4 else int(not text)
        if not 1 <= count <= _INVITED_AT_ONCE:
            raise UserError("invite_usage", limit=_INVITED_AT_ONCE)
        code = secrets.token_urlsafe(_CODE_BYTES)
        code = await dialogue.once("invite", code)
        await self.access.invite(code, count)
        link = f"https://t.me/{self.identity.name}?start={INVITED}{code}"
        await dialogue.say(dialogue.t("invite_done", link=link, count=count))

    async def accept(self, message: Message, dialogue: Dialogue) -> None:
        """/start with the code of an invitation: from now on the user is let in."""
        if dialogue.context.profile.is_banned:
            raise UserError("banned")
        code = text_after(message).removeprefix(INVITED)
        is_code = _CODE.fullmatch(code) is not None
        is_in = self.policy.admits(dialogue.user_id)
        if not is_in and not (is_code and await self.access.accept(code, dialogue.user_id)):
            raise UserError("invitation_gone")
        await self.handle_start(message, dialogue)
