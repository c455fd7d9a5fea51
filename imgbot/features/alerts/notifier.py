"""Alerts to administrators on Telegram: one message when an alert fires, one when it resolves.

Notices wait in Redis until they are sent, so an outage of Telegram delays them. A crash between
sending a notice and recording that sends it twice: better than never.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from imgbot.aio import sleep_or_event
from imgbot.domain.errors import (
    ConfigError,
    FencedError,
    ImgbotError,
    TransientError,
)
from imgbot.features.alerts.notices import notice_of, notice_text, remedy_rows
from imgbot.features.alerts.store import AlertStore, Notice
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import ChatTarget, Messenger
from imgbot.telegram.rate_limiter import max_wait
from imgbot.telemetry import events
from imgbot.telemetry.health import HealthFacts, conditions_of
from imgbot.telemetry.thresholds import (
    FIRING,
    INACTIVE,
    THRESHOLDS,
    AlertState,
    next_state,
)

LOOK_EVERY_S = 15.0
_AWAY_IS_NEWS_S = 30.0
_PATIENCE_S = 5.0
_TRY_AGAIN_S = 30.0
_AT_ONCE = 5


class AlertNotifier:
    """Evaluates the conditions and sends the notices; `gather` may raise TransientError."""

    def __init__(
        self,
        admins: Sequence[int],
        alerts: AlertStore,
        users: UserStore,
        messenger: Messenger,
        gather: Callable[[], Awaitable[HealthFacts]],
        alarm: asyncio.Event,
        *,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._admins = tuple(admins)
        self._alerts = alerts
        self._users = users
        self._messenger = messenger
        self._gather = gather
        self._alarm = alarm
        self._now_s = now_s
        self._states: dict[str, AlertState] | None = None
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
        if self._states is None:
            self._states = dict.fromkeys(await self._alerts.firing(), FIRING)
        self._states = await self._evaluate(facts, self._states)
        for admin in self._admins:
            await self._deliver(admin)

    async def _evaluate(
        self, facts: HealthFacts, before: dict[str, AlertState]
    ) -> dict[str, AlertState]:
        states: dict[str, AlertState] = {}
        notices: list[Notice] = self._outage()
        for condition in conditions_of(facts):
            name, hold = condition.name, THRESHOLDS[condition.rule].hold
            if hold is None:
                continue
            state = before.get(name, INACTIVE)
            states[name] = next_state(state, condition.status, hold, facts.now_ms)
            if (is_firing := states[name].is_firing) != state.is_firing:
                notices.append(notice_of(condition, facts, is_firing=is_firing))
        were_firing = {name for name, state in before.items() if state.is_firing}
        firing = {name for name, state in states.items() if state.is_firing}
        if notices or were_firing != firing:
            # An alert without a rule (a provider that is no longer configured) is dropped silently.
            new = dict.fromkeys(firing - were_firing, facts.now_ms)
            await self._alerts.record(new, were_firing - firing, notices, self._admins)
            self._away_since_s = None
        return states

    def _outage(self) -> list[Notice]:
        """Notice of the time for which Redis was unavailable, once it is back."""
        if self._away_since_s is None:
            return []
        away_s = self._now_s() - self._away_since_s
        if away_s < _AWAY_IS_NEWS_S:
            self._away_since_s = None
            return []
        return [Notice("incident_redis_was_away", {"wait_s": round(away_s)})]

    async def _deliver(self, admin: int) -> None:
        notices = (await self._alerts.undelivered(admin))[:_AT_ONCE]
        if notices and await self._send(admin, notices):
            await self._alerts.mark_delivered(admin, notices)

    async def _send(self, admin: int, notices: Sequence[Notice]) -> bool:
        """Send notices, unless Telegram asked to wait; False if they are to be sent later."""
        if self._now_s() < self._not_before_s.get(admin, 0.0):
            return False
        try:
            language = (await self._users.profile(admin)).language
            text = "\n\n".join(filter(None, (notice_text(language, notice) for notice in notices)))
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
