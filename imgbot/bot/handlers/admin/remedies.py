"""Buttons under alerts: each does what its alert advises, after a second press."""

from collections.abc import Awaitable, Callable, Mapping

from aiogram.types import CallbackQuery, Message

from imgbot.bot.app import App
from imgbot.bot.dialogue import Dialogue
from imgbot.domain.errors import UserError
from imgbot.domain.texts import buttons, dollars
from imgbot.domain.texts.buttons import Button, Keyboard, Remedy, RemedyData
from imgbot.storage.dead_letters import LONGEST_MS
from imgbot.storage.spend import MICRO_PER_CENT, raised

_RETRIED_AT_ONCE = 200


RemedyOutcome = tuple[bool, Mapping[str, str | int]]
"""True if an action changed something, and the facts of the text that says what."""


async def _set_workers(app: App, press: RemedyData) -> RemedyOutcome:
    before = app.workers()[0]
    app.resize(_number(press.amount))
    workers = app.workers()[0]
    return workers != before, {"workers": workers, "before": before}


async def _pause(app: App, _: RemedyData) -> RemedyOutcome:
    return await app.pause.begin_anew(), {}


async def _resume(app: App, _: RemedyData) -> RemedyOutcome:
    return await app.pause.end(), {}


async def _retry(app: App, _: RemedyData) -> RemedyOutcome:
    now_ms = app.now_ms()
    stuck, _count = await app.dead_letters.stuck(now_ms, LONGEST_MS, _RETRIED_AT_ONCE)
    able = [each for each in stuck if not app.is_orphaned(each.job)]
    asked = [await app.dead_letters.redeliver(each, now_ms) for each in able]
    return any(asked), {"count": sum(asked)}


async def _raise_budget(app: App, press: RemedyData) -> RemedyOutcome:
    """Raise the budget of a day. Raises UserError on another day."""
    cents, _, day = press.amount.partition("-")
    now_ms = app.now_ms()
    before, usual = await app.spend.ceiling_today(now_ms), app.spend.caps.daily_micro
    if day != app.spend.today(now_ms).replace("-", "") or before is None or usual is None:
        raise UserError("fix_over")
    ceiling = max(min(_number(cents) * MICRO_PER_CENT, raised(before)), before)
    if ceiling > before:
        await app.spend.raise_ceiling(ceiling, now_ms)
    return ceiling > before, {"ceiling": dollars(ceiling), "usual": dollars(usual)}


async def _fall_back(app: App, _: RemedyData) -> RemedyOutcome:
    return app.fall_back(), {}


async def _try_now(app: App, press: RemedyData) -> RemedyOutcome:
    return app.try_now(press.incident.removeprefix("provider.")), {}


_APPLY: Mapping[Remedy, Callable[[App, RemedyData], Awaitable[RemedyOutcome]]] = {
    Remedy.WORKERS: _set_workers,
    Remedy.PAUSE: _pause,
    Remedy.RESUME: _resume,
    Remedy.RETRY: _retry,
    Remedy.BUDGET: _raise_budget,
    Remedy.FALLBACK: _fall_back,
    Remedy.TRY: _try_now,
}
"""Actions; each may be repeated, and then changes nothing."""


def _number(amount: str) -> int:
    if not amount.isdecimal():
        raise UserError("unknown_button")
    return int(amount)


async def on_remedy_callback(callback: CallbackQuery, argument: str, dialogue: Dialogue) -> str:
    press, message = buttons.parse_remedy(argument), callback.message
    if press is None or not isinstance(message, Message):
        return "unknown_button"
    language, text = dialogue.language, message.text or ""

    async def update(text: str, *row: Button) -> None:
        await dialogue.update_panel(text, _with_row(message, callback.data or "", [*row]))

    if press.step == "no":
        await update(text, buttons.remedy(language, press))
        return ""
    if press.incident and press.incident not in await dialogue.app.alerts.firing():
        await update(text)
        return "fix_over"
    if press.step == "ask":
        await update(text, *(buttons.remedy(language, press, step) for step in ("yes", "no")))
        return ""
    is_done, facts = await _APPLY[press.remedy](dialogue.app, press)
    said = dialogue.t(f"fix_{press.remedy}_{'done' if is_done else 'already'}", **facts)
    next_steps = {
        Remedy.PAUSE: buttons.resume(language),
        # The account may not be topped up yet.
        Remedy.TRY: buttons.remedy(language, press),
    }
    next_step = [next_steps[press.remedy]] if press.remedy in next_steps else []
    await update(text if text.endswith(said) else f"{text}\n\n{said}", *next_step)
    return "undone" if is_done else "fix_already"


def _with_row(message: Message, data: str, row: list[Button]) -> Keyboard:
    """Return the buttons of a message, the row of the pressed one replaced."""
    rows: Keyboard = []
    for found in message.reply_markup.inline_keyboard if message.reply_markup else []:
        is_pressed = any(button.callback_data == data for button in found)
        kept = [Button(each.text, each.callback_data or "") for each in found]
        rows.append(row if is_pressed else kept)
    return [each for each in rows if each]
