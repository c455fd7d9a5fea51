"""Jobs, limits and settings of a user: /queue, /cancel, /limits, /quiet, /settings."""

from dataclasses import dataclass, replace
from functools import partialmethod

from aiogram.types import CallbackQuery, Message

from imgbot.bot.commands import ChatCommand, CommandTable
from imgbot.bot.dialogue import Audience, Dialogue
from imgbot.bot.handlers.start import menu_rows
from imgbot.bot.messages import presses_in
from imgbot.bot.policy import AccessPolicy
from imgbot.domain.buttons import Button, ButtonAction, Keyboard, Presser, in_rows
from imgbot.domain.job import Job, State
from imgbot.domain.preferences import SETTINGS, Preferences
from imgbot.domain.result_buttons import CANCEL
from imgbot.domain.texts import dollars, has_text, in_time, t
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.rate_limit import RateLimit
from imgbot.storage.spend import Spend
from imgbot.storage.users import UserStore
from imgbot.telemetry.health import BudgetState

_SHOWN = 10
_TITLE_LENGTH = 40
_IN_ONE_ROW = 4
CANCELLED = {
    "ok": "cancelling",
    "gone": "cancel_over",
    "not_yours": "not_your_button",
    "too_late": "cancel_too_late",
    "cancelled_late": "cancelled_late",
}
OPEN = "open"
"""In the data of a setting's button, instead of a choice: show the choices of the setting."""


_CANCEL_ALL = ButtonAction("cancelall", (Presser,))
_QUEUE = ButtonAction("queue", (Presser,), is_repeatable=True)
SET = ButtonAction("set", (str, str, Presser), is_repeatable=True)


@dataclass(frozen=True, slots=True)
class AccountHandlers:
    """Handlers of what a user sees of their own."""

    queue: JobQueue
    users: UserStore
    limit: RateLimit
    spend: Spend
    policy: AccessPolicy

    def add_to(self, table: CommandTable) -> None:
        table.add(
            ChatCommand("queue", self.handle_queue, 3, is_personal=True, is_uncounted=True),
            ChatCommand("limits", self.handle_limits, 5, is_personal=True, is_uncounted=True),
            ChatCommand("settings", self.handle_settings, menu_place=5, is_personal=True),
            ChatCommand("quiet", self.handle_quiet, menu_place=5, is_personal=True),
            ChatCommand("cancel", self.handle_cancel, 7, is_personal=True, is_uncounted=True),
            (CANCEL, self.on_cancel_callback),
            (_CANCEL_ALL, self.on_cancel_all_callback),
            (_QUEUE, self.on_queue_callback),
            (SET, self.on_setting_callback),
        )

    async def handle_cancel(self, _: Message, dialogue: Dialogue) -> None:
        """Leave the dialogue, or else cancel the latest active job of this chat, and offer all."""
        question, _expired = await dialogue.question()
        if question:
            # Answer before the state is cleared: if the answer fails, the same update comes again
            # and must not find a job to cancel instead.
            rows = menu_rows(dialogue.language)
            await dialogue.say(dialogue.t("cancel_dialogue"), rows, Audience.ASKER)
            await dialogue.state.clear()
            return
        jobs = await self.queue.jobs_in(dialogue.context.chat_id, dialogue.user_id)
        active = [job.id for job in jobs if not job.is_called_off]
        chosen = await dialogue.once("cancel", next(reversed(active), ""))
        key = await self.cancel(chosen, dialogue.user_id, dialogue.now_ms())
        # A cancelled job reports it itself, in its status message.
        if key != "cancelling":
            key = key if key == "cancel_too_late" else "cancel_nothing"
            await dialogue.say(dialogue.t(key), to=Audience.ASKER)
        if count := len({*active} - {chosen}):
            rows = [[_CANCEL_ALL.button(dialogue.language, dialogue.user_id, key="cancel_all")]]
            await dialogue.say(dialogue.t("cancel_rest", count=count), rows, Audience.ASKER)

    async def on_cancel_all_callback(self, _: CallbackQuery, dialogue: Dialogue) -> str:
        """Cancel what is active in this chat; each job reports it itself."""
        jobs = await self.queue.jobs_in(dialogue.context.chat_id, dialogue.user_id)
        active = [job.id for job in jobs if not job.is_called_off]
        keys = [await self.cancel(each, dialogue.user_id, dialogue.now_ms()) for each in active]
        await dialogue.remove_panel()
        return next(iter(keys), "cancel_nothing")

    async def cancel(self, job_id: str, user_id: int, now_ms: int) -> str:
        """Cancel a job, if there is one; return the key of the answer."""
        return CANCELLED[await self.queue.cancel(job_id, user_id, now_ms) if job_id else "gone"]

    async def on_cancel_callback(
        self, callback: CallbackQuery, job_id: str, dialogue: Dialogue
    ) -> str:
        """Cancel the job; a duplicate status message, left by a lost answer, is removed as well."""
        job, message_id = await self.queue.job(job_id), dialogue.context.message_id
        key = await self.cancel(job_id, dialogue.user_id, dialogue.now_ms())
        is_left_over = job is not None and job.progress.message_id not in {0, message_id}
        # A forged callback must not remove another user's message, and none the list of /queue.
        is_alone = presses_in(callback.message) == [callback.data]
        if is_left_over and key in {"cancelling", "cancel_too_late"} and is_alone:
            await dialogue.remove_panel()
        return key

    async def handle_queue(self, _: Message, dialogue: Dialogue) -> None:
        """/queue: active jobs, each with a button that cancels it."""
        await dialogue.say(*await self._queue(dialogue), to=Audience.ASKER)

    async def on_queue_callback(self, _: CallbackQuery, dialogue: Dialogue) -> str:
        await dialogue.edit(*await self._queue(dialogue))
        return ""

    async def _queue(self, dialogue: Dialogue) -> tuple[str, Keyboard]:
        jobs = await self.queue.jobs_in(dialogue.context.chat_id, dialogue.user_id)
        if not jobs:
            return dialogue.t("queue_empty"), []
        shown = jobs[:_SHOWN]
        places = await self.queue.places([job.id for job in shown])
        lines = [dialogue.t("queue_title", count=len(jobs))]
        for number, (job, place) in enumerate(zip(shown, places, strict=True), 1):
            title = _title(job)
            lines.append(f"{number}. {title} — {_progress(dialogue.language, job, place)}")
        if len(jobs) > _SHOWN:
            lines.append(dialogue.t("queue_more", count=len(jobs) - _SHOWN))
        cancel = [Button(f"✖️ {n}", CANCEL.pack(job.id)) for n, job in enumerate(shown, 1)]
        refresh = _QUEUE.button(dialogue.language, dialogue.user_id, key="refresh")
        return "\n".join(lines), [*in_rows(cancel, 5), [refresh]]

    async def handle_limits(
        self, _: Message, dialogue: Dialogue, *, is_price_asked: bool = False
    ) -> None:
        """/limits: remaining requests and budget, and the time of the reset."""
        language = dialogue.language
        verdict = await self.limit.peek(dialogue.user_id)
        jobs = await self.queue.jobs_shown_to(dialogue.user_id)
        text = t(
            language,
            "limits",
            remaining=verdict.remaining,
            limit=self.limit.max_requests,
            window=in_time(language, self.limit.window_s),
            waiting=sum(job.state is State.QUEUED for job in jobs),
            waiting_limit=self.queue.caps.waiting_per_user,
            running_limit=self.queue.caps.running_per_user,
        )
        lines = [dialogue.t("answer_price"), "", text] if is_price_asked else [text]
        if verdict.wait_s:
            wait = in_time(language, verdict.wait_s)
            lines.append(dialogue.t("limits_again", wait=wait))
        lines += await self._budget(dialogue)
        answer = dialogue.say if dialogue.context.is_private else dialogue.answer_privately
        await answer("\n".join(lines))

    answer_price = partialmethod(handle_limits, is_price_asked=True)
    """Question about the price: what a picture costs, and what is left."""

    async def _budget(self, dialogue: Dialogue) -> list[str]:
        """Lines of /limits: the user's remaining budget for today, and an exhausted daily total."""
        caps, at_ms = self.queue.caps, dialogue.now_ms()
        wait = in_time(dialogue.language, self.spend.resumes_in_s(at_ms))
        lines: list[str] = []
        if caps.daily_micro_per_user is not None:
            left = dollars(await self.spend.left_of_user(dialogue.user_id, at_ms))
            limit = dollars(caps.daily_micro_per_user)
            lines.append(dialogue.t("limits_money", left=left, limit=limit, wait=wait))
        if caps.daily_pictures_per_user is not None:
            left_today = await self.spend.pictures_left(dialogue.user_id, at_ms)
            quota = caps.daily_pictures_per_user
            lines.append(dialogue.t("limits_pictures", left=left_today, limit=quota, wait=wait))
        ceiling = await self.spend.ceiling_today(at_ms)
        spent = 0 if ceiling is None else await self.spend.spent_today(at_ms)
        if BudgetState(spent, ceiling, self.policy.least_price_micro).is_spent:
            lines.append(dialogue.t("limits_budget", wait=wait))
        return lines

    async def handle_quiet(self, _: Message, dialogue: Dialogue) -> None:
        """/quiet: switch the notification sound for results that took long."""
        context = dialogue.context
        # A redelivered update must not switch it back.
        wanted = "0" if context.preferences.is_quiet else "1"
        is_quiet = await dialogue.once("quiet", wanted) == "1"
        await self.users.set_preference(
            dialogue.user_id, replace(context.preferences, is_quiet=is_quiet)
        )
        await dialogue.say(dialogue.t("quiet_on" if is_quiet else "quiet_off"), to=Audience.ASKER)

    async def handle_settings(self, _: Message, dialogue: Dialogue) -> None:
        rows = _settings(dialogue.context.preferences, dialogue)
        await dialogue.say(dialogue.t("settings"), rows, Audience.ASKER)

    async def on_setting_callback(
        self, _: CallbackQuery, name: str, choice: str, dialogue: Dialogue
    ) -> str:
        context = dialogue.context
        if choice == OPEN and name in SETTINGS:
            rows = setting_rows(context.language, context.preferences, name, context.user_id)
            await dialogue.edit(dialogue.t(f"settings_{name}"), rows)
            return ""
        if choice == OPEN:
            await _show_settings(dialogue, context.preferences)
            return ""
        preferences = context.preferences.with_choice(name, choice)
        if preferences is None:
            return "unknown_button"
        await self.users.set_preference(dialogue.user_id, preferences)
        await _show_settings(dialogue, preferences)
        return ""


def _title(job: Job) -> str:
    title = job.request.prompt or t(job.request.language, f"title_{job.request.operation}")
    title = f"{job.variant} · {title}" if job.variant else title
    return title if len(title) <= _TITLE_LENGTH else f"{title[: _TITLE_LENGTH - 1]}…"


def _progress(language: str, job: Job, place: int) -> str:
    if job.is_cancelled:
        return t(language, "queue_cancelling")
    if job.request.awaits_picture:
        return t(language, "queue_awaits_picture")
    if job.state is State.QUEUED and place:
        return t(language, "queue_place", place=place)
    return t(language, "queue_working")


def settings_rows(language: str, user_id: int, preferences: Preferences) -> Keyboard:
    """Buttons of the settings, one in a row, each with its current value.

    A setting with two choices changes at once, any other shows its choices.
    """
    rows: Keyboard = []
    for name, setting in SETTINGS.items():
        current = _current(language, preferences, name)
        value = _choice_label(language, setting.choices[current][1])
        others = [choice for choice in setting.choices if choice != current]
        opens = len(others) > 1
        label = t(language, f"setting_{name}", value=value) + (" ▸" if opens else "")
        choice = OPEN if opens else others[0]
        rows.append([Button(label, SET.pack(name, choice, user_id))])
    return rows


def setting_rows(language: str, preferences: Preferences, name: str, user_id: int) -> Keyboard:
    """Choices of one setting, of which the current one is marked, and back to all settings."""
    current = _current(language, preferences, name)
    choices = [
        Button(
            ("✓ " if choice == current else "") + _choice_label(language, label),
            SET.pack(name, choice, user_id),
        )
        for choice, (_, label) in SETTINGS[name].choices.items()
    ]
    rows = in_rows(choices, 3 if len(choices) > _IN_ONE_ROW else len(choices))
    return [*rows, [SET.button(language, "all", OPEN, user_id, key="back")]]


def _current(language: str, preferences: Preferences, name: str) -> str:
    setting = SETTINGS[name]
    current = language if name == "language" else getattr(preferences, setting.field)
    # A stored value may be one that is no longer offered.
    found = (choice for choice, (value, _) in setting.choices.items() if value == current)
    return next(found, next(iter(setting.choices)))


def _choice_label(language: str, label: str) -> str:
    return t(language, label) if has_text(label) else label


async def _show_settings(dialogue: Dialogue, preferences: Preferences) -> None:
    language = preferences.language or dialogue.language
    await dialogue.edit(t(language, "settings"), _settings(preferences, dialogue))


def _settings(preferences: Preferences, dialogue: Dialogue) -> Keyboard:
    who = preferences.language or dialogue.language, dialogue.user_id
    more = [row for rows_of in dialogue.added.settings_rows for row in rows_of(*who)]
    return [*settings_rows(*who, preferences), *more]
