"""getUpdates without aiogram's models."""

from typing import Any

from aiogram.methods import TelegramMethod


class GetUpdates(TelegramMethod[list[Any]]):
    """getUpdates with raw results: a malformed update must not spoil its whole batch."""

    __returning__ = list[Any]
    __api_method__ = "getUpdates"

    offset: int | None = None
    limit: int | None = None
    timeout: int | None = None
    allowed_updates: list[str] | None = None
