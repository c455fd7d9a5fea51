"""Fixtures of unit tests: Redis both as the real server and in memory."""

from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest
from fakeredis.aioredis import FakeRedisMixin

from imgbot.storage.client import Client, connect
from tests.fixtures.scripts import without_flags


class FakeClient(FakeRedisMixin, Client):
    """The bot's client over a Redis in memory, whose scripts have no flags."""

    def execute_command(self, *args: Any, **options: Any) -> Awaitable[Any]:
        name, *rest = args
        if name == "EVAL":
            rest[0] = without_flags(rest[0])
        return super().execute_command(name, *rest, **options)


@pytest.fixture(params=["real", "fake"])
async def redis(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    """Both the real server and the fake: each test runs on both."""
    if request.param == "real":
        redis = connect(request.getfixturevalue("redis_url"))
    else:
        redis = FakeClient(decode_responses=True)
    yield redis
    await redis.aclose()
