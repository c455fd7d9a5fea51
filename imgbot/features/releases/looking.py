"""The look for a newer release, once a day; what is told of it is bounded, and no link."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

from imgbot.bot.administrators import tell_administrators
from imgbot.bot.context import NowMs
from imgbot.domain.errors import ProviderError, StorageFullError, TransientError
from imgbot.domain.texts import t
from imgbot.providers.http import ProviderHttpClient
from imgbot.providers.protocol import Timeouts
from imgbot.providers.url_policy import Hosts
from imgbot.storage.client import Client
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import ChatTarget, Messenger
from imgbot.telemetry import events
from imgbot.version import version

# HASH: `asked_ms`, the time of the latest question, and `told`, the release that was told last.
RELEASE = "img:release"

_DAY_S, _AGAIN_S = 86_400.0, 300.0
_ANSWER_BYTES, _ANSWER_S = 512 << 10, 30.0
_HEADINGS, _HEADING_LENGTH = 8, 60
_VERSION = re.compile(r"v?(\d{1,5})\.(\d{1,5})\.(\d{1,5})(?:\.dev.*)?")
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(\S.{0,500})", re.MULTILINE)
_NO_WORDS = re.compile(r"[^\w ,()'’–-]+")
"""Characters that a link, a mention or a command would need, too."""


@dataclass(frozen=True, slots=True)
class Releases:
    """Watch of one address."""

    url: str
    redis: Client
    messenger: Messenger
    users: UserStore
    admins: Sequence[int]
    now_ms: NowMs

    async def run(self) -> None:
        while True:
            try:
                wait_s = await self.look()
            except (TransientError, StorageFullError) as error:
                events.warning("the check for a newer release is repeated later: %s", error)
                wait_s = _AGAIN_S
            await asyncio.sleep(wait_s)

    async def look(self) -> float:
        """Ask if a day is over, and tell of a newer release; return the seconds until the next."""
        record, now_ms = await self.redis.hgetall(RELEASE), self.now_ms()
        waited_s = max(now_ms - int(record.get("asked_ms", 0)), 0) / 1000
        if waited_s < _DAY_S:
            return _DAY_S - waited_s
        # What is noted as told must not get lost because Telegram is away.
        await self.messenger.ping()
        await self.redis.hset(RELEASE, "asked_ms", str(now_ms))
        content = await self._ask()
        latest = _numbers(content.get("tag_name"))
        if latest > max(_numbers(version()), _numbers(record.get("told"))):
            name = ".".join(map(str, latest))
            await self.redis.hset(RELEASE, "told", name)
            await self._tell(name, headings_of(content.get("body")))
        return _DAY_S

    async def _ask(self) -> Mapping[str, Any]:
        limits = {"deadlines": Timeouts(ask_s=_ANSWER_S), "answer_limit_bytes": _ANSWER_BYTES}
        try:
            async with aclosing(ProviderHttpClient(Hosts([self.url], []), {}, **limits)) as client:
                answer = await client.ask("GET", self.url)
        except ProviderError as error:
            events.warning("the address in IMGBOT_RELEASES does not answer: %s", error)
            return {}
        if answer.is_success and isinstance(answer.content, dict):
            return answer.content
        events.warning("the address in IMGBOT_RELEASES answers %d, no release", answer.status)
        return {}

    async def _tell(self, latest: str, headings: Sequence[str]) -> None:
        facts = {"version": latest, "own": version()}
        listed = "".join(f"\n• {heading}" for heading in headings)

        async def tell(admin_id: int, language: str) -> None:
            text = t(language, "release_news", **facts, headings=listed)
            # A second notice would be worse: the answer to the first may have got lost.
            with suppress(TransientError):
                await self.messenger.send_text(ChatTarget(admin_id), text, [])

        await tell_administrators(self.admins, self.users, tell)


def _numbers(text: object) -> tuple[int, ...]:
    """Return the numbers of a version; of anything else none, which are before all."""
    found = _VERSION.fullmatch(text) if isinstance(text, str) else None
    return tuple(map(int, found.groups())) if found else ()


def headings_of(notes: object) -> list[str]:
    """Return the headings of a release's notes as plain words, a few of them."""
    found = _HEADING.findall(notes[:_ANSWER_BYTES]) if isinstance(notes, str) else []
    words = (" ".join(_NO_WORDS.sub(" ", each).split())[:_HEADING_LENGTH] for each in found)
    return [each for each in dict.fromkeys(words) if each][:_HEADINGS]
