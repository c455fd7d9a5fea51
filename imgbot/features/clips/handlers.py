"""Handlers of clips: each is asked about with its price, and ordered once that is agreed to."""

import json
from dataclasses import dataclass

from aiogram.types import CallbackQuery, Message

from imgbot.bot.commands import ChatCommand
from imgbot.bot.dialogue import Dialogue, Question
from imgbot.bot.messages import asked_about, command_of, photo_of, prompt_of, replied_message
from imgbot.bot.this_picture import target_of
from imgbot.domain import retry
from imgbot.domain.buttons import ButtonAction, Presser
from imgbot.domain.errors import UserError
from imgbot.domain.intents import Intent
from imgbot.domain.job import InputPhoto, Job, State
from imgbot.domain.operations import Operation
from imgbot.domain.words import read
from imgbot.domain.words.chat import ABOUT_PHOTO
from imgbot.domain.words.reading import Order, Talk
from imgbot.features.feature import Core
from imgbot.jobs.hooks import EndOffer, ShownEnd
from imgbot.storage import keys
from imgbot.storage.job_codec import pack, unpack
from imgbot.storage.users import UserStore

TOPIC = "clips"
ANIMATE = ButtonAction("animate")
"""Ask about a clip of a result, by its job, or of the photo that was sent."""
CLIP = ButtonAction("clip", (Presser, str))
"""Order what a question was about, by the request that led to it."""

_ASKED_S = 86_400


@dataclass(frozen=True, slots=True)
class ClipHandlers:
    """Handlers of words, of /animate and of buttons; without a model, nothing is offered."""

    core: Core
    users: UserStore
    is_on: bool

    async def handle(self, message: Message, dialogue: Dialogue) -> None:
        """Ask about this picture; the words behind the command say how it is to move."""
        if not self.is_on:
            await dialogue.say(dialogue.t("clips_none"), about=dialogue.context.message_id)
            return
        meant = await self.core.pictures.meant_in(message, dialogue)
        photo = photo_of(message) or target_of(meant).photo
        if photo is None:
            raise UserError("clips_no_photo")
        await self._ask(photo, prompt_of(message) if command_of(message) else "", dialogue)

    async def route(self, message: Message) -> ChatCommand | None:
        """Return what takes words in reply to a clip: they are for another one."""
        replied, is_own = replied_message(message), self.core.identity.has_written
        is_clip = replied and is_own(replied) and (replied.animation or replied.video)
        is_taken = is_clip and message.text and command_of(message) in {"", ANIMATE.name}
        return ChatCommand("", self.handle_reply) if is_taken else None

    async def handle_reply(self, message: Message, dialogue: Dialogue) -> None:
        """Ask about another clip of the same picture; what asks for none is read as any text."""
        words, replied = prompt_of(message), replied_message(message)
        reading = read(words, ABOUT_PHOTO, dialogue.added.word_readers)
        is_talk = isinstance(reading, Talk) and not command_of(message)
        if is_talk and reading.topic != TOPIC:
            for handle_text in self.core.text_handlers:
                await handle_text(message, dialogue)
            return
        message_id = replied.message_id if replied else 0
        kept = await self.users.choice(_note(dialogue.user_id, message.chat.id, message_id))
        if not kept:
            raise UserError("clips_no_photo")
        former, packed = json.loads(kept)
        is_again = isinstance(reading, Order) and reading.intent is Intent.AGAIN
        is_same = is_talk or is_again or not words
        [photo] = unpack([packed])
        await self._ask(photo, former if is_same else words, dialogue)

    async def note(self, shown: ShownEnd) -> None:
        """Note what a clip was made of, for a reply to it."""
        request, message_id = shown.job.request, shown.job.progress.message_id
        kept = json.dumps([request.prompt, pack(request.sources[0])])
        name = _note(shown.job.user_id, request.chat_id, message_id)
        await self.users.once(name, kept, keys.RESULT_KEPT_S)

    async def on_start(self, _: CallbackQuery, job_id: str, dialogue: Dialogue) -> str:
        """Ask about a result, about the same clip once more, or about a photo that was sent."""
        if not self.is_on:
            return "operation_withdrawn"
        photo, words = None, ""
        if job_id:
            made = await self.core.pictures.owned_result(job_id, dialogue)
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
        price = self.core.requests.price_shown(dialogue, Operation.ANIMATE, "")
        kept = json.dumps([price, words, pack(photo)])
        await self.users.once(_name(user_id, request), kept, _ASKED_S)
        key = "clip_price" if price else "clip"
        button = CLIP.button(dialogue.language, user_id, request, key=key, price=price)
        is_counted = not price and self.core.queue.caps.daily_pictures_per_user
        text = dialogue.t("clips_ask_counted" if is_counted else "clips_ask")
        await dialogue.ask(text, rows=[[button]])

    async def on_agreed(self, callback: CallbackQuery, request: str, dialogue: Dialogue) -> str:
        """Order the clip, in reply to what asked for it; if its price has changed, ask again."""
        kept = await self.users.choice(_name(dialogue.user_id, request))
        if not kept:
            return "stale_button"
        price, words, packed = json.loads(kept)
        [photo] = unpack([packed])
        if price != self.core.requests.price_shown(dialogue, Operation.ANIMATE, ""):
            await self._ask(photo, words, dialogue)
            await dialogue.remove_panel()
            return "price_changed_short"
        await self.core.requests.check_rate_limit(dialogue)
        asked = asked_about(callback)
        by_asked = dialogue.in_reply_to(asked.message_id) if asked else dialogue
        await self.core.requests.order(by_asked, Operation.ANIMATE, words, (photo,))
        # Pressed once more, it would order a second clip.
        await dialogue.remove_panel()
        return "accepted_short"


def _name(user_id: int, request: str) -> str:
    """Name under which a question is kept; /forget_me deletes it with what else was said."""
    return f"said.{user_id}.clip.{request}"


def _note(user_id: int, chat_id: int, message_id: int) -> str:
    return f"said.{user_id}.clip.{chat_id}.{message_id}"


def is_made(job: Job, outcome: State) -> bool:
    """Return true for the end of a job that has shown a clip."""
    return job.request.operation is Operation.ANIMATE and outcome is State.DELIVERED


def offer_again(_: object, job: Job) -> EndOffer | None:
    """Return the button that asks about a failed clip again, with its price."""
    is_clip = job.request.operation is Operation.ANIMATE
    if not is_clip or not retry.is_repeatable(job, State.FAILED):
        return None
    return EndOffer([[ANIMATE.button(job.request.language, job.id, key="retry")]])
