"""Dialogue states, kept in Redis for a day.

Buttons stay valid all that time, as they name their action. Text and photos count as an answer
for fifteen minutes only: later ones may mean something else, and must not be paid for.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiogram import BaseMiddleware
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.fsm.storage.base import BaseStorage, DefaultKeyBuilder
from aiogram.fsm.storage.redis import RedisStorage
from aiogram.types import Message, TelegramObject

from imgbot.domain.job import InputPhoto
from imgbot.domain.operations import PHOTO_ACTIONS, Operation
from imgbot.storage.job_codec import pack_sources, unpack_sources

_TTL_S = 86_400
EXPIRY_S = 900
_ASKED_S = "asked_s"


_STORED_GROUP = "Ask"
"""Prefix of every stored state, independent of the class name."""


class Dialogue(StatesGroup):
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
        Dialogue.edit_words.state,
        Dialogue.merge_photos.state,
        Dialogue.photo_action.state,
        Dialogue.upscale_scale.state,
    }
)
"""Questions whose text answer would be taken for a new prompt once they have expired."""


def storage(redis: Any, prefix: str) -> BaseStorage:
    """FSM storage in `redis`, a client of redis.asyncio."""
    return RedisStorage(
        redis, key_builder=DefaultKeyBuilder(prefix=prefix), state_ttl=_TTL_S, data_ttl=_TTL_S
    )


async def expect_answer(state: FSMContext, question: State, **data: Any) -> None:
    """Wait for the answer to `question`, dropping any earlier dialogue."""
    await state.set_state(question)
    await state.set_data({_ASKED_S: time.time(), **data})


async def extend(state: FSMContext, **data: Any) -> None:
    """Store a part of the answer, and restart the time limit for the rest."""
    await state.update_data({_ASKED_S: time.time(), **data})


async def is_expired(state: FSMContext, sent_s: float) -> bool:
    """Return true if a message sent at that time is too late to answer the question."""
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
            and await is_expired(data["state"], event.date.timestamp())
        ):
            data |= {"raw_state": None, "expired": asked}
        return await handler(event, data)


async def sources_in(state: FSMContext) -> tuple[InputPhoto, ...]:
    """Return the pictures collected so far."""
    data = await state.get_data()
    return unpack_sources(data.get("sources", []))


async def source_in(state: FSMContext) -> InputPhoto | None:
    """Return the one picture that the dialogue is about, if there is one yet."""
    return next(iter(await sources_in(state)), None)


def to_state_data(*sources: InputPhoto) -> list[list[str | int]]:
    """Return pictures as dialogue data."""
    return pack_sources(sources)
