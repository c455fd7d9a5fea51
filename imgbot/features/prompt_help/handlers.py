"""Prompt help: a short prompt written out by the chat model, in three versions to choose from."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiogram.types import CallbackQuery

from imgbot.bot.dialogue import Audience, Dialogue
from imgbot.bot.messages import asked_about, prompt_of, without_mention
from imgbot.bot.pictures import Pictures
from imgbot.bot.requests import Requests
from imgbot.domain.buttons import Button, ButtonAction, Keyboard, mark_of
from imgbot.domain.errors import UserError
from imgbot.domain.operations import Operation
from imgbot.domain.prompt_options import parse_prompt_options
from imgbot.features.prompt_help.chat_model import ChatModel, Version
from imgbot.features.prompt_help.store import PromptHelpStore

MORE = ButtonAction("more", is_repeatable=True)
VERSION = ButtonAction("version", (int, str, str, str))


@dataclass(frozen=True, slots=True)
class PromptHelp:
    """Handlers of the buttons."""

    prompt_language: str
    requests: Requests
    pictures: Pictures
    model: ChatModel
    store: PromptHelpStore
    fits: Callable[[Operation, str], bool]
    """Returns whether the prompt of a picture can be written out."""

    async def on_more(self, callback: CallbackQuery, job_id: str, dialogue: Dialogue) -> str:
        """Show versions of the prompt of a result, or of the text asked about; orders nothing."""
        prompt, model = await self._prompt_of(callback, job_id, dialogue)
        digest = hashlib.sha256(f"{dialogue.language} {prompt}".encode()).hexdigest()[:12]
        # Once asked for, they stay for a day: the model is not paid for them again.
        versions = await self._versions(digest, dialogue) or await self._write(
            prompt, digest, dialogue
        )
        text, rows = self._panel(versions, digest, job_id, model, dialogue)
        await dialogue.say(text, rows, Audience.ASKER, about=dialogue.context.message_id)
        return ""

    async def _prompt_of(
        self, callback: CallbackQuery, job_id: str, dialogue: Dialogue
    ) -> tuple[str, str]:
        """Return the prompt, and the model that is to draw it. Raises UserError without one."""
        if job_id:
            request = (await self.pictures.owned_result(job_id, dialogue)).request
            if not self.fits(request.operation, request.prompt):
                raise UserError("stale_button")
            return request.prompt, request.model
        asked = asked_about(callback)
        if asked is None or asked.from_user is None:
            raise UserError("words_gone")
        if asked.from_user.id != dialogue.user_id:
            raise UserError("not_your_button")
        text = prompt_of(without_mention(asked, dialogue.identity.name))
        return parse_prompt_options(text).prompt, _preferred(dialogue)

    async def _versions(self, digest: str, dialogue: Dialogue) -> list[Version]:
        stored = json.loads(await self.store.versions(dialogue.user_id, digest))
        return [Version(*each) for each in stored]

    async def _write(self, prompt: str, digest: str, dialogue: Dialogue) -> list[Version]:
        """Have the prompt written out, once for each press. Raises UserError without an answer."""
        language, mine = dialogue.language, f"{dialogue.now_ms()}"
        if await dialogue.once("more", mine) != mine:
            # The press is handled again: its first answer may have been paid for.
            raise UserError("more_failed")
        sent_in = self.prompt_language or language
        versions = await self.model.versions(dialogue.user_id, prompt, language, sent_in)
        if not versions:
            raise UserError("more_failed")
        if sent_in == language:
            versions = [Version(each.shown, each.shown) for each in versions]
        await self.store.keep_versions(dialogue.user_id, digest, json.dumps(versions))
        return versions

    async def on_version(
        self,
        _: CallbackQuery,
        number: int,
        digest: str,
        job_id: str,
        price: str,
        dialogue: Dialogue,
    ) -> str:
        """Order the version that was chosen."""
        versions = await self._versions(digest, dialogue)
        if not 0 < number <= len(versions):
            # Also in a group, to everybody else.
            return "stale_button"
        like = await self.pictures.owned_result(job_id, dialogue) if job_id else None
        model = like.request.model if like else _preferred(dialogue)
        if price != mark_of(self.requests.price_shown(dialogue, Operation.CREATE, model)):
            await dialogue.edit(*self._panel(versions, digest, job_id, model, dialogue))
            return "price_changed_short"
        about = dialogue.in_reply_to(like.progress.message_id) if like else dialogue
        version = versions[number - 1]
        await self.requests.create_version(about, version.shown, version.sent, like)
        # Pressed once more, it would order a second picture.
        await dialogue.remove_panel()
        return "accepted_short"

    def _panel(
        self, versions: Sequence[Version], digest: str, job_id: str, model: str, dialogue: Dialogue
    ) -> tuple[str, Keyboard]:
        numbered = [f"{number}. {each.shown}" for number, each in enumerate(versions, 1)]
        text = dialogue.t("more_versions", versions="\n\n".join(numbered))
        price = self.requests.price_shown(dialogue, Operation.CREATE, model)
        if price:
            text += dialogue.t("more_price", price=price)
        end = digest, job_id, mark_of(price)
        numbers = range(1, len(versions) + 1)
        return text, [[Button(f"🎨 {each}", VERSION.pack(each, *end)) for each in numbers]]


def _preferred(dialogue: Dialogue) -> str:
    return dialogue.context.preferences.models.get(Operation.CREATE, "")
