"""Dialogues: questions of the bot and the answers so far, kept in Redis for a day.

Buttons stay valid all that time, as they name their action. Text and photos count as an answer
for fifteen minutes only: later ones may mean something else, and must not be paid for.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiogram import BaseMiddleware
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.fsm.storage.base import BaseStorage, DefaultKeyBuilder
from aiogram.fsm.storage.redis import RedisStorage
from aiogram.types import Message, TelegramObject

from imgbot.bot.context import RequestContext
from imgbot.bot.requests import RequestService
from imgbot.bot.responder import Responder
from imgbot.domain.job import InputPhoto
from imgbot.domain.operations import PHOTO_ACTIONS, Operation
from imgbot.domain.prompt_options import VARIANTS_MAX
from imgbot.domain.texts.buttons import Keyboard
from imgbot.storage.job_codec import pack_sources, unpack_sources

_TTL_S = 86_400
EXPIRY_S = 900
_ASKED_S = "asked_s"


_STORED_GROUP = "Ask"
"""Prefix of every stored state, independent of the class name."""


class Question(StatesGroup):
    """Questions of the bot, one state for each; the rest is in `PHOTO_STATES`."""

    create_words = State(group_name=_STORED_GROUP)
    edit_words = State(group_name=_STORED_GROUP)
    merge_photos = State(group_name=_STORED_GROUP)
    upscale_scale = State(group_name=_STORED_GROUP)
    photo_action = State(group_name=_STORED_GROUP)


PHOTO_STATES: Mapping[Operation, State] = {
    operation: State(f"{operation}_photo", _STORED_GROUP) for operation in PHOTO_ACTIONS
}
"""State in which an operation waits for its photo."""


ABOUT_A_PHOTO = frozenset(
    {
        Question.edit_words.state,
        Question.merge_photos.state,
        Question.photo_action.state,
        Question.upscale_scale.state,
    }
)
"""Questions whose text answer would be taken for a new prompt once they have expired."""


def storage(redis: Any, prefix: str) -> BaseStorage:
    """FSM storage in `redis`, a client of redis.asyncio."""
    return RedisStorage(
        redis, key_builder=DefaultKeyBuilder(prefix=prefix), state_ttl=_TTL_S, data_ttl=_TTL_S
    )


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Dialogue with one user while one update is handled: what was asked, answered and ordered."""

    context: RequestContext
    state: FSMContext
    requests: RequestService
    responder: Responder

    async def ask(
        self, question: State, key: str, rows: Keyboard | None = None, **data: Any
    ) -> None:
        """Ask a question, by its text's key, and wait for the answer in text or by a button."""
        await self.expect(question, **data)
        await (self.responder.ask(key) if rows is None else self.responder.reply(key, rows))

    async def expect(self, question: State, **data: Any) -> None:
        """Wait for the answer to `question`, dropping any earlier dialogue."""
        await self.state.set_state(question)
        await self.state.set_data({_ASKED_S: time.time(), **data})

    async def extend(self, **data: Any) -> None:
        """Store a part of the answer, and restart the time limit for the rest."""
        await self.state.update_data({_ASKED_S: time.time(), **data})

    async def is_asking(self, question: State) -> bool:
        return await self.state.get_state() == question.state

    async def is_expired(self) -> bool:
        """Return true if the message was sent too late to answer the question."""
        return await _is_expired(self.state, self.context.sent_s)

    async def photos(self) -> tuple[InputPhoto, ...]:
        """Return the pictures collected so far."""
        return unpack_sources((await self.state.get_data()).get("sources", []))

    async def photo(self) -> InputPhoto | None:
        """Return the one picture that the dialogue is about, if there is one yet."""
        return next(iter(await self.photos()), None)

    def in_reply_to(self, message_id: int) -> "Dialogue":
        """Return the dialogue with its orders shown in reply to that message."""
        return replace(self, context=replace(self.context, message_id=message_id))

    async def check_rate_limit(self) -> None:
        """Count the request. Raises UserError if the limit is exceeded."""
        await self.requests.check_rate_limit(self.context)

    async def create(self, prompt: str) -> None:
        """Order a new picture, possibly in variants."""
        taken, count = await self.requests.create(self.context, prompt)
        if taken == VARIANTS_MAX < count:
            await self.responder.reply("variants_most", limit=VARIANTS_MAX)
        elif taken < count:
            await self.responder.reply("variants_fewer", taken=taken, count=count)

    async def order(
        self,
        operation: Operation,
        prompt: str = "",
        photos: tuple[InputPhoto, ...] = (),
        scale: int = 2,
    ) -> None:
        """Order a change of pictures, and end the dialogue."""
        await self.requests.order(self.context, operation, prompt, photos, scale)
        await self.state.clear()


async def _is_expired(state: FSMContext, sent_s: float) -> bool:
    asked_s = (await state.get_data()).get(_ASKED_S)
    return asked_s is not None and sent_s - asked_s > EXPIRY_S


class Expiry(BaseMiddleware):
    """Routes a message that is too late for the question as if there were none.

    The expired question is passed on as `expired`.
    """

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        asked = data.get("raw_state")
        if (
            asked
            and isinstance(event, Message)
            and await _is_expired(data["state"], event.date.timestamp())
        ):
            data |= {"raw_state": None, "expired": asked}
        return await handler(event, data)


def to_state_data(*photos: InputPhoto) -> list[list[str | int]]:
    """Return pictures as dialogue data."""
    return pack_sources(photos)
