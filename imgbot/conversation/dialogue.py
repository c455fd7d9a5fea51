"""What the bot is waiting for from a person, kept in Redis for a day."""

from typing import Any

from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.fsm.storage.base import BaseStorage, DefaultKeyBuilder
from aiogram.fsm.storage.redis import RedisStorage

from imgbot.job import Source
from imgbot.queue.records import pack_sources, unpack_sources

_TTL_S = 86_400


class Ask(StatesGroup):
    """One state per question."""

    create_words = State()
    edit_photo = State()
    edit_words = State()
    merge_photos = State()
    retouch_photo = State()
    upscale_photo = State()
    upscale_scale = State()
    photo_action = State()


def storage(redis: Any, prefix: str) -> BaseStorage:
    """Keep dialogues in `redis`, a client of redis.asyncio."""
    return RedisStorage(
        redis, key_builder=DefaultKeyBuilder(prefix=prefix), state_ttl=_TTL_S, data_ttl=_TTL_S
    )


async def ask(state: FSMContext, question: State, **data: Any) -> None:
    """Wait for the answer to `question`, forgetting any earlier dialogue."""
    await state.set_state(question)
    await state.set_data(data)


async def sources_in(state: FSMContext) -> tuple[Source, ...]:
    """Return the pictures collected so far."""
    data = await state.get_data()
    return unpack_sources(data.get("sources", []))


async def source_in(state: FSMContext) -> Source | None:
    """Return the one picture that the dialogue is about, if there is one yet."""
    return next(iter(await sources_in(state)), None)


def stored(*sources: Source) -> list[list[str | int]]:
    """Return pictures as dialogue data."""
    return pack_sources(sources)
