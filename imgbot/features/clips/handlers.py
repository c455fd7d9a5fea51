"""Handlers of clips: each is asked about with its price, and ordered once that is agreed to."""

import json
from dataclasses import dataclass

from aiogram.types import CallbackQuery, Message

from imgbot.bot.dialogue import Dialogue, Question
from imgbot.bot.messages import asked_about, command_of, photo_of, prompt_of
from imgbot.bot.pictures import Pictures
from imgbot.bot.requests import Requests
from imgbot.bot.this_picture import target_of
from imgbot.domain import retry
from imgbot.domain.buttons import ButtonAction, Presser
from imgbot.domain.errors import UserError
from imgbot.domain.job import InputPhoto, Job, State
from imgbot.domain.operations import Operation
from imgbot.jobs.hooks import EndOffer
from imgbot.storage.job_codec import pack, unpack
from imgbot.storage.users import UserStore

ANIMATE = ButtonAction("animate")
"""Ask about a clip of a result, by its job, or of the photo that was sent."""
CLIP = ButtonAction("clip", (Presser, str))
"""Order what a question was about, by the request that led to it."""

_ASKED_S = 86_400


@dataclass(frozen=True, slots=True)
class ClipHandlers:
    """Handlers of words, of /animate and of buttons; without a model, nothing is offered."""

    requests: Requests
    pictures: Pictures
    users: UserStore
    is_on: bool

    async def handle(self, message: Message, dialogue: Dialogue) -> None:
        """Ask about this picture; the words behind the command say how it is to move."""
        if not self.is_on:
            await dialogue.say(dialogue.t("clips_none"), about=dialogue.context.message_id)
            return
        meant = await self.pictures.meant_in(message, dialogue)
        photo = photo_of(message) or target_of(meant).photo
        if photo is None:
            raise UserError("clips_no_photo")
        await self._ask(photo, prompt_of(message) if command_of(message) else "", dialogue)

    async def on_start(self, _: CallbackQuery, job_id: str, dialogue: Dialogue) -> str:
        """Ask about a result, about the same clip once more, or about a photo that was sent."""
        if not self.is_on:
            return "operation_withdrawn"
        photo, words = None, ""
        if job_id:
            made = await self.pictures.owned_result(job_id, dialogue)
            is_clip = made.request.operation is Operation.ANIMATE
            words = made.request.prompt if is_clip else ""
            photo = next(iter(made.request.sources), None) if is_clip else made.picture
        elif await dialogue.is_asking(Question.PHOTO_ACTION):
            photo = await dialogue.photo()
        if photo is None:
            return "stale_photo_button"
        await self._ask(photo, words, dialogue)
        return ""

    async def _ask(self, photo: InputPhoto, words: str, dialogue: Dialogue) -> None:
        """Ask whether a clip is to be made at its price; nothing is ordered."""
        request, user_id = dialogue.context.request, dialogue.user_id
        price = self.requests.price_shown(dialogue, Operation.ANIMATE, "")
        kept = json.dumps([price, words, pack(photo)])
        await self.users.once(_name(user_id, request), kept, _ASKED_S)
        key = "clip_price" if price else "clip"
        button = CLIP.button(dialogue.language, user_id, request, key=key, price=price)
        await dialogue.ask(dialogue.t("clips_ask"), rows=[[button]])

    async def on_agreed(self, callback: CallbackQuery, request: str, dialogue: Dialogue) -> str:
        """Order the clip, in reply to what asked for it; if its price has changed, ask again."""
        kept = await self.users.choice(_name(dialogue.user_id, request))
        if not kept:
            return "stale_button"
        price, words, packed = json.loads(kept)
        [photo] = unpack([packed])
        if price != self.requests.price_shown(dialogue, Operation.ANIMATE, ""):
            await self._ask(photo, words, dialogue)
            await dialogue.remove_panel()
            return "price_changed_short"
        await self.requests.check_rate_limit(dialogue)
        asked = asked_about(callback)
        by_asked = dialogue.in_reply_to(asked.message_id) if asked else dialogue
        await self.requests.order(by_asked, Operation.ANIMATE, words, (photo,))
        # Pressed once more, it would order a second clip.
        await dialogue.remove_panel()
        return "accepted_short"


def _name(user_id: int, request: str) -> str:
    """Name under which a question is kept; /forget_me deletes it with what else was said."""
    return f"said.{user_id}.clip.{request}"


def offer_again(_: object, job: Job) -> EndOffer | None:
    """Return the button that asks about a failed clip again, with its price."""
    is_clip = job.request.operation is Operation.ANIMATE
    if not is_clip or not retry.is_repeatable(job, State.FAILED):
        return None
    return EndOffer([[ANIMATE.button(job.request.language, job.id, key="retry")]])
