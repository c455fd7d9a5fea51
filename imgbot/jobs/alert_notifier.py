"""Alerts to administrators on Telegram: one message when an alert fires, one when it resolves.

Notices wait in Redis until they are sent, so an outage of Telegram delays them. A crash between
sending a notice and recording that sends it twice: better than never.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

from imgbot.aio import sleep_or_event
from imgbot.domain.errors import (
    ConfigError,
    FencedError,
    ImgbotError,
    TransientError,
)
from imgbot.domain.texts import in_time, t
from imgbot.domain.texts.buttons import Button, Keyboard, Remedy, RemedyData, remedy
from imgbot.jobs.alert_rules import ServiceSnapshot, evaluate
from imgbot.storage.alerts import AlertStore, Notice
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import ChatTarget, Messenger
from imgbot.telegram.rate_limiter import max_wait
from imgbot.telemetry import events
from imgbot.telemetry.thresholds import (
    FIRING,
    INACTIVE,
    AlertState,
    Bound,
    Transition,
    decide,
)

LOOK_EVERY_S = 15.0
_AWAY_IS_NEWS_S = 30.0
_PATIENCE_S = 5.0
_TRY_AGAIN_S = 30.0
_AT_ONCE = 5


class AlertNotifier:
    """Evaluates the alert rules and sends the notices; `gather` may raise TransientError."""

    def __init__(
        self,
        admins: Sequence[int],
        incidents: AlertStore,
        users: UserStore,
        messenger: Messenger,
        gather: Callable[[], Awaitable[ServiceSnapshot]],
        alarm: asyncio.Event,
        *,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._admins = tuple(admins)
        self._incidents = incidents
        self._users = users
        self._messenger = messenger
        self._gather = gather
        self._alarm = alarm
        self._now_s = now_s
        self._courses: dict[str, AlertState] | None = None
        self._away_since_s: float | None = None
        self._not_before_s: dict[int, float] = {}

    async def run(self) -> None:
        """Evaluate periodically, and at once when the alarm is set, until cancelled."""
        while self._admins:
            self._alarm.clear()
            try:
                await self.evaluate_once()
            except TransientError:
                # Without Redis, nothing can be evaluated or stored: reported when it is back.
                if self._away_since_s is None:
                    self._away_since_s = self._now_s()
            except (FencedError, ConfigError):
                raise
            except Exception as error:  # noqa: BLE001 -- a failed alert must not stop the jobs
                what = type(error).__name__
                events.warning("alerts could not be evaluated: %s: %s", what, error)
            await sleep_or_event(LOOK_EVERY_S, self._alarm)

    async def evaluate_once(self) -> None:
        """Evaluate the rules once, and send the pending notices.

        Raises TransientError while Redis is unavailable: what was not stored is evaluated again.
        """
        facts = await self._gather()
        if self._courses is None:
            self._courses = dict.fromkeys(await self._incidents.open(), FIRING)
        self._courses = await self._judge(facts, self._courses)
        for admin in self._admins:
            await self._tell(admin)

    async def _judge(
        self, facts: ServiceSnapshot, before: dict[str, AlertState]
    ) -> dict[str, AlertState]:
        courses: dict[str, AlertState] = {}
        notices: list[Notice] = self._outage()
        for matter in evaluate(facts):
            course = before.get(matter.name, INACTIVE)
            course, change = decide(course, matter.reading, matter.hold, facts.now_ms)
            courses[matter.name] = course
            if change is not None:
                notices.append(matter.begun if change is Transition.FIRED else matter.over)
        told = {matter for matter, course in before.items() if course.is_firing}
        now_told = {matter for matter, course in courses.items() if course.is_firing}
        if notices or told != now_told:
            # An alert without a rule (a provider that is no longer configured) is dropped silently.
            begun = dict.fromkeys(now_told - told, facts.now_ms)
            await self._incidents.note(begun, told - now_told, notices, self._admins)
            self._away_since_s = None
        return courses

    def _outage(self) -> list[Notice]:
        """Notice of the time for which Redis was unavailable, once it is back."""
        if self._away_since_s is None:
            return []
        away_s = self._now_s() - self._away_since_s
        if away_s < _AWAY_IS_NEWS_S:
            self._away_since_s = None
            return []
        return [Notice("incident_redis_was_away", {"wait_s": round(away_s)})]

    async def _tell(self, admin: int) -> None:
        notices = (await self._incidents.untold(admin))[:_AT_ONCE]
        if notices and await self._say(admin, notices):
            await self._incidents.told(admin, notices)

    async def _say(self, admin: int, notices: Sequence[Notice]) -> bool:
        """Send notices, unless Telegram asked to wait; False if they are to be sent later."""
        if self._now_s() < self._not_before_s.get(admin, 0.0):
            return False
        try:
            language = (await self._users.profile(admin)).language
            text = "\n\n".join(filter(None, (render(language, notice) for notice in notices)))
            rows = remedy_rows(language, notices)
            with max_wait(_PATIENCE_S):
                await self._messenger.send_text(ChatTarget(admin), text, rows)
        except TransientError as error:
            events.warning("alert to administrator %d is delayed: %s", admin, error)
            self._not_before_s[admin] = self._now_s() + (error.retry_after_s or _TRY_AGAIN_S)
            return False
        except (FencedError, ConfigError):
            raise
        except ImgbotError as error:
            events.warning("alert to administrator %d was refused: %s", admin, error)
        return True


def remedy_rows(language: str, notices: Iterable[Notice]) -> Keyboard:
    """Return a button for each remedy that the notices advise, once each."""
    rows: dict[tuple[Remedy, str], list[Button]] = {}
    for notice in notices:
        for each in Remedy:
            if (amount := notice.facts.get(f"fix_{each}")) is not None:
                incident = str(notice.facts.get("incident", ""))
                press = RemedyData(each, str(amount), incident)
                rows.setdefault((each, str(amount)), [remedy(language, press)])
    return list(rows.values())


def render(language: str, notice: Notice) -> str:
    """Text of a notice; empty for one of another version that is unknown here."""
    facts = dict(notice.facts)
    if "wait_s" in facts:
        facts["wait"] = in_time(language, int(facts.pop("wait_s")))
    try:
        held_by = facts.pop("held_by", Bound.NONE)
        helps = t(language, f"helps_{held_by}", workers=facts.get("workers", ""))
        # Stored by a release that did not know it: as bad as it may be.
        effect = t(language, f"effect_{facts.pop('effect', 'unserved')}")
        return t(language, notice.key, helps=helps, effect=effect, **facts)
    except KeyError:
        return ""
