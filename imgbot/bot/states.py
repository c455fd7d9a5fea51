"""What the bot is waiting for from a person, kept in Redis for a day.

Buttons hold all that time, for they say what they do. Words and photos are an answer for
fifteen minutes only: what comes later may mean something else, and must not be paid for.
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
"""First part of every stored state, whatever the class is called."""


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
"""Questions whose answer in words would be taken for a new picture once they have expired."""


def storage(redis: Any, prefix: str) -> BaseStorage:
    """Keep dialogues in `redis`, a client of redis.asyncio."""
    return RedisStorage(
        redis, key_builder=DefaultKeyBuilder(prefix=prefix), state_ttl=_TTL_S, data_ttl=_TTL_S
    )


async def expect_answer(state: FSMContext, question: State, **data: Any) -> None:
    """Wait for the answer to `question`, forgetting any earlier dialogue."""
    await state.set_state(question)
    await state.set_data({_ASKED_S: time.time(), **data})


async def extend(state: FSMContext, **data: Any) -> None:
    """Note a part of the answer, and wait for the rest as long again."""
    await state.update_data({_ASKED_S: time.time(), **data})


async def is_expired(state: FSMContext, sent_s: float) -> bool:
    """Whether a message sent then comes too late to answer the question."""
    asked_s = (await state.get_data()).get(_ASKED_S)
    return asked_s is not None and sent_s - asked_s > EXPIRY_S


class Expiry(BaseMiddleware):
    """Routes a message that comes too late for the question as if there were none.

    What had been asked is handed on as `expired`.
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
