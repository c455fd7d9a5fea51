"""Alarms on a real Redis and a real Telegram, with facts and clocks of the test's own."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from redis.asyncio import Redis

from imgbot.domain.errors import StorageUnavailableError
from imgbot.jobs.alert_notifier import AlertNotifier
from imgbot.jobs.alert_rules import BudgetState, ServiceSnapshot
from imgbot.storage.alerts import AlertStore
from imgbot.storage.users import UserStore
from imgbot.telegram.client import open_bot
from imgbot.telegram.messenger import Messenger
from imgbot.telemetry.thresholds import Bound
from tests.support.sandbox import Control, Person, open_sandbox

NOW = 1_800_000_000_000
CALM = ServiceSnapshot(
    now_ms=NOW,
    levels={},
    bound=Bound.WORKERS,
    workers=5,
    providers={},
    provider_names=("painter", "builtin"),
    money=BudgetState(0, None, 0, 3600),
    dead=None,
    dead_count=0,
    silence_s=1.0,
    has_answered=True,
    rival=None,
)
SETTING = re.compile(r"IMGBOT_[A-Z_]+|MemoryMax")
"""What there is to turn, as messages name it."""


@dataclass
class Watchtower:
    """Alarms, and whom they tell."""

    redis: Redis
    delivery: Messenger
    control: Control
    owner: Person
    ivan: Person
    facts: ServiceSnapshot = CALM
    now_s: float = 0.0
    is_away: bool = False
    alarms: AlertNotifier = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        async def gather() -> ServiceSnapshot:
            if self.is_away:
                raise StorageUnavailableError("Redis: away")
            return self.facts

        self.alarms = AlertNotifier(
            [self.owner.id, self.ivan.id],
            AlertStore(self.redis),
            UserStore(self.redis),
            self.delivery,
            gather,
            asyncio.Event(),
            now_s=lambda: self.now_s,
        )

    async def look(self, after_s: float = 0, *, is_patient: bool = False, **changes: Any) -> None:
        """Let time pass, change the facts, and look; `is_patient` tries nobody once more."""
        self.now_s += 0 if is_patient else after_s
        later_ms = self.facts.now_ms + round(after_s * 1000)
        self.facts = replace(self.facts, now_ms=later_ms, **changes)
        await self.alarms.evaluate_once()

    async def told(self, person: Person | None = None) -> list[str]:
        chat_id = (person or self.owner).id
        return [m.text for m in await self.control.messages(chat_id) if m.is_outgoing]


@asynccontextmanager
async def open_watchtower(redis: Redis) -> AsyncGenerator[Watchtower]:
    """Two administrators, of whom one reads Russian, have spoken with the bot."""
    async with open_sandbox(flood=False) as (sandbox, control):
        owner, ivan = await control.make_user("Owner"), await control.make_user("Иван")
        for person in (owner, ivan):
            await control.say(person, "/start")
        await UserStore(redis).mark_seen(ivan.id, "ru", NOW)
        bot = open_bot(sandbox.token, sandbox.url)
        yield Watchtower(redis, Messenger(bot), control, owner, ivan)
        await bot.session.close()
