"""Buttons under alerts: each does what its alert advises, after a second press."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiogram.types import CallbackQuery, Message

from imgbot.bot.context import NowMs
from imgbot.bot.dialogue import Dialogue
from imgbot.domain.buttons import Button, Keyboard
from imgbot.domain.errors import UserError
from imgbot.domain.texts import dollars
from imgbot.features.alerts import buttons
from imgbot.features.alerts.buttons import RemedyData
from imgbot.features.alerts.store import AlertStore
from imgbot.jobs.provider_routing import ProviderRouter
from imgbot.ops.lifecycle import resize_pool
from imgbot.painter.pool import Pool
from imgbot.storage.dead_letters import LONGEST_MS, DeadLetters
from imgbot.storage.pause import Pause
from imgbot.storage.spend import MICRO_PER_CENT, Spend, raised
from imgbot.telemetry.thresholds import Remedy

_RETRIED_AT_ONCE = 200


RemedyOutcome = tuple[bool, Mapping[str, str | int]]
"""True if an action changed something, and the facts of the text that says what."""


@dataclass(frozen=True, slots=True)
class Remedies:
    """Actions against what alerts report; each may be repeated, and then changes nothing."""

    spend: Spend
    now_ms: NowMs
    pool: Pool
    routes: ProviderRouter
    pause: Pause
    dead_letters: DeadLetters

    async def apply(self, press: RemedyData) -> RemedyOutcome:
        actions: Mapping[Remedy, Callable[[RemedyData], Awaitable[RemedyOutcome]]] = {
            Remedy.WORKERS: self._set_workers,
            Remedy.PAUSE: self._pause,
            Remedy.RESUME: self._resume,
            Remedy.RETRY: self._retry,
            Remedy.BUDGET: self._raise_budget,
            Remedy.FALLBACK: self._fall_back,
            Remedy.TRY: self._try_now,
        }
        return await actions[press.remedy](press)

    async def _set_workers(self, press: RemedyData) -> RemedyOutcome:
        before = self.pool.size
        resize_pool(self.pool, _number(press.amount))
        workers = self.pool.size
        return workers != before, {"workers": workers, "before": before}

    async def _pause(self, _: RemedyData) -> RemedyOutcome:
        return await self.pause.begin_anew(), {}

    async def _resume(self, _: RemedyData) -> RemedyOutcome:
        return await self.pause.end(), {}

    async def _retry(self, _: RemedyData) -> RemedyOutcome:
        now_ms = self.now_ms()
        stuck, _count = await self.dead_letters.stuck(now_ms, LONGEST_MS, _RETRIED_AT_ONCE)
        able = [each for each in stuck if not self.routes.is_orphaned(each.job)]
        redelivered = [await self.dead_letters.redeliver(each, now_ms) for each in able]
        return any(redelivered), {"count": sum(redelivered)}

    async def _raise_budget(self, press: RemedyData) -> RemedyOutcome:
        """Raise the budget of a day. Raises UserError on another day."""
        cents, _, day = press.amount.partition("-")
        spend, now_ms = self.spend, self.now_ms()
        before, usual = await spend.ceiling_today(now_ms), spend.caps.daily_micro
        if day != spend.today(now_ms).replace("-", "") or before is None or usual is None:
            raise UserError("fix_over")
        ceiling = max(min(_number(cents) * MICRO_PER_CENT, raised(before)), before)
        if ceiling > before:
            await spend.raise_ceiling(ceiling, now_ms)
        return ceiling > before, {"ceiling": dollars(ceiling), "usual": dollars(usual)}

    async def _fall_back(self, _: RemedyData) -> RemedyOutcome:
        return self.routes.fall_back(), {}

    async def _try_now(self, press: RemedyData) -> RemedyOutcome:
        name = press.incident.removeprefix("provider.")
        return self.routes.try_now(name, time.monotonic()), {}


def _number(amount: str) -> int:
    if not amount.isdecimal():
        raise UserError("unknown_button")
    return int(amount)


@dataclass(frozen=True, slots=True)
class RemedyHandlers:
    """Handlers of the buttons."""

    alerts: AlertStore
    remedies: Remedies

    async def on_press(
        self,
        callback: CallbackQuery,
        step: str,
        remedy: Remedy,
        amount: str,
        incident: str,
        dialogue: Dialogue,
    ) -> str:
        press, message = RemedyData(step, remedy, amount, incident), callback.message
        if not isinstance(message, Message):
            return "unknown_button"
        language, text = dialogue.language, message.text or ""

        async def update(text: str, *row: Button) -> None:
            await dialogue.edit(text, _with_row(message, callback.data or "", [*row]))

        if press.step == "no":
            await update(text, buttons.remedy(language, press))
            return ""
        if press.incident and press.incident not in await self.alerts.firing():
            await update(text)
            return "fix_over"
        if press.step == "ask":
            await update(text, *(buttons.remedy(language, press, step) for step in ("yes", "no")))
            return ""
        is_done, line, next_step = await self._apply(press, dialogue)
        await update(text if text.endswith(line) else f"{text}\n\n{line}", *next_step)
        return "undone" if is_done else "fix_already"

    async def _apply(self, press: RemedyData, dialogue: Dialogue) -> tuple[bool, str, list[Button]]:
        """Act; return whether that changed something, a line that says so, and what may follow."""
        is_done, facts = await self.remedies.apply(press)
        line = dialogue.t(f"fix_{press.remedy}_{'done' if is_done else 'already'}", **facts)
        # The account may not be topped up yet: TRY may be repeated.
        language = dialogue.language
        steps = {
            Remedy.PAUSE: buttons.resume(language),
            Remedy.TRY: buttons.remedy(language, press),
        }
        return is_done, line, [step for remedy, step in steps.items() if remedy is press.remedy]


def _with_row(message: Message, data: str, row: list[Button]) -> Keyboard:
    """Return the buttons of a message, the row of the pressed one replaced."""
    rows: Keyboard = []
    for found in message.reply_markup.inline_keyboard if message.reply_markup else []:
        is_pressed = any(button.callback_data == data for button in found)
        kept = [Button(each.text, each.callback_data or "") for each in found]
        rows.append(row if is_pressed else kept)
    return [each for each in rows if each]
