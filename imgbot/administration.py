"""Makes what serves the administrators: their office in the chat, and the alarms they get."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from redis.asyncio import Redis

from imgbot.conversation.desk import Desk
from imgbot.conversation.office import Office
from imgbot.job import Operation
from imgbot.levels import Bound
from imgbot.queue.access import Access
from imgbot.queue.broadcast import Broadcasts
from imgbot.queue.incidents import Incidents
from imgbot.queue.jobs import JobQueue
from imgbot.queue.mending import Mending
from imgbot.queue.outcomes import Outcomes
from imgbot.queue.overview import Overview
from imgbot.queue.scripts import Scripts
from imgbot.runner.alarms import Alarms
from imgbot.runner.matters import Facts, Levels, Money
from imgbot.runner.pacing import Pace
from imgbot.runner.routing import Routes, kind_of
from imgbot.telegram.contact import Contact
from imgbot.upkeep import Figures

TypicalTime = Callable[[Operation], Awaitable[float]]
"""How long a picture usually takes, in seconds; 0 while nobody knows."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What tells how the service stands, beside Redis."""

    levels: Callable[[], Levels]
    bound: Callable[[], Bound]
    figures: Figures
    routes: Routes
    contact: Contact


def typical_time(pace: Pace, routes: Routes) -> TypicalTime:
    """Return how to ask for the time that a picture usually takes."""

    async def typical_s(operation: Operation) -> float:
        return await pace.typical_s(kind_of(routes.first(operation), operation))

    return typical_s


def open_office(
    redis: Redis, scripts: Scripts, queue: JobQueue, figures: Figures, typical_s: TypicalTime
) -> Office:
    """Make the administrators' office."""
    return Office(
        access=Access(redis),
        broadcasts=Broadcasts(redis, scripts, queue),
        mending=Mending(redis, scripts, queue),
        outcomes=Outcomes(redis),
        overview=Overview(redis),
        workers=figures.workers,
        providers_out=figures.providers_out,
        typical_s=typical_s,
    )


def open_alarms(redis: Redis, desk: Desk, sources: Sources, alarm: asyncio.Event) -> Alarms:
    """Make the alarms, which look at once when `alarm` is set."""
    store = desk.store

    async def gather() -> Facts:
        now_ms = desk.now_ms()
        dead = await store.office.mending.dead(1)
        return Facts(
            now_ms=now_ms,
            levels=sources.levels(),
            bound=sources.bound(),
            workers=sources.figures.workers()[0],
            providers=sources.routes.proven(time.monotonic()),
            provider_names=tuple(sources.routes.names),
            money=await _money(desk, now_ms),
            dead=dead[0] if dead else None,
            dead_count=(await store.shelf.depth()).dead,
            silence_s=sources.contact.silence_s,
            has_answered=sources.contact.has_answered,
            rival=sources.contact.rival,
        )

    admins = sorted(desk.house.admins)
    return Alarms(admins, Incidents(redis), store.people, desk.delivery, gather, alarm)


async def _money(desk: Desk, now_ms: int) -> Money:
    spend = desk.store.spend
    return Money(
        spent_micro=await spend.spent_today(now_ms),
        ceiling_micro=spend.caps.daily_micro,
        least_price_micro=desk.house.least_price_micro,
        resumes_in_s=spend.resumes_in_s(now_ms),
    )
