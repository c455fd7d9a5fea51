"""Fixtures of unit tests: Redis both as the real server and in memory."""

from collections.abc import AsyncIterator

import pytest
from fakeredis.aioredis import FakeRedisMixin

from imgbot.storage.client import Client, connect


class FakeClient(FakeRedisMixin, Client):
    """The bot's client over a Redis in memory."""


@pytest.fixture(params=["real", "fake"])
async def redis(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    """Both the real server and the fake: each test runs on both."""
    if request.param == "real":
        redis = connect(request.getfixturevalue("redis_url"))
    else:
        redis = FakeClient(decode_responses=True)
    yield redis
    await redis.aclose()
