"""Jobs, limits and settings of a user: /queue, /limits, /quiet, /settings."""

from dataclasses import replace
from functools import partial

from aiogram.types import CallbackQuery, Message

from imgbot.bot.commands import ChatCommand
from imgbot.bot.dialogue import Audience, Dialogue
from imgbot.domain.buttons import Button, ButtonAction, Keyboard, button, in_rows
from imgbot.domain.job import Job, State
from imgbot.domain.preferences import SETTINGS, Preferences
from imgbot.domain.result_buttons import CANCEL
from imgbot.domain.texts import dollars, has_text, in_time, t
from imgbot.telemetry.health import BudgetState

_SHOWN = 10
_TITLE_LENGTH = 40
_IN_ONE_ROW = 4
OPEN = "open"
"""In the data of a setting's button, instead of a choice: show the choices of the setting."""


async def handle_queue(_: Message, dialogue: Dialogue) -> None:
    """/queue: active jobs, each with a button that cancels it."""
    await dialogue.say(*await _queue(dialogue), to=Audience.ASKER)


async def on_queue_callback(_: CallbackQuery, argument: str, dialogue: Dialogue) -> str:
    if argument != str(dialogue.user_id):
        return "not_your_button"
    await dialogue.edit(*await _queue(dialogue))
    return ""


async def _queue(dialogue: Dialogue) -> tuple[str, Keyboard]:
    jobs = await dialogue.app.queue.jobs_in(dialogue.context.chat_id, dialogue.user_id)
    if not jobs:
        return dialogue.t("queue_empty"), []
    shown = jobs[:_SHOWN]
    places = await dialogue.app.queue.places([job.id for job in shown])
    lines = [dialogue.t("queue_title", count=len(jobs))]
    for number, (job, place) in enumerate(zip(shown, places, strict=True), 1):
        title = _title(job)
        lines.append(f"{number}. {title} — {_progress(dialogue.language, job, place)}")
    if len(jobs) > _SHOWN:
        lines.append(dialogue.t("queue_more", count=len(jobs) - _SHOWN))
    cancel = [Button(f"✖️ {n}", CANCEL.pack(job.id)) for n, job in enumerate(shown, 1)]
    refresh = button(dialogue.language, "refresh", f"queue:{dialogue.user_id}")
    return "\n".join(lines), [*in_rows(cancel, 5), [refresh]]


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


async def handle_limits(_: Message, dialogue: Dialogue, *, is_price_asked: bool = False) -> None:
    """/limits: remaining requests and budget, and the time of the reset."""
    app, language = dialogue.app, dialogue.language
    verdict = await app.limit.peek(dialogue.user_id)
    jobs = await app.queue.jobs_shown_to(dialogue.user_id)
    text = t(
        language,
        "limits",
        remaining=verdict.remaining,
        limit=app.limit.max_requests,
        window=in_time(language, app.limit.window_s),
        waiting=sum(job.state is State.QUEUED for job in jobs),
        waiting_limit=app.spend.caps.waiting_per_user,
        running_limit=app.spend.caps.running_per_user,
    )
    lines = [dialogue.t("answer_price"), "", text] if is_price_asked else [text]
    if verdict.wait_s:
        wait = in_time(language, verdict.wait_s)
        lines.append(dialogue.t("limits_again", limit=app.limit.max_requests, wait=wait))
    lines += await _budget(dialogue, app.policy.least_price_micro, app.now_ms())
    answer = dialogue.say if dialogue.context.is_private else dialogue.answer_privately
    await answer("\n".join(lines))


answer_price = partial(handle_limits, is_price_asked=True)
"""Question about the price: what a picture costs, and what is left."""


async def _budget(dialogue: Dialogue, least_price_micro: int, at_ms: int) -> list[str]:
    """Lines of /limits: the user's remaining budget for today, and an exhausted daily total."""
    app = dialogue.app
    caps = app.spend.caps
    wait = in_time(dialogue.language, app.spend.resumes_in_s(at_ms))
    lines: list[str] = []
    if caps.daily_micro_per_user is not None:
        left = dollars(await app.spend.left_of_user(dialogue.user_id, at_ms))
        limit = dollars(caps.daily_micro_per_user)
        lines.append(dialogue.t("limits_money", left=left, limit=limit, wait=wait))
    if caps.daily_pictures_per_user is not None:
        left_today = await app.spend.pictures_left(dialogue.user_id, at_ms)
        quota = caps.daily_pictures_per_user
        lines.append(dialogue.t("limits_pictures", left=left_today, limit=quota, wait=wait))
    ceiling = await app.spend.ceiling_today(at_ms)
    spent = 0 if ceiling is None else await app.spend.spent_today(at_ms)
    if BudgetState(spent, ceiling, least_price_micro).is_spent:
        lines.append(dialogue.t("limits_budget", wait=wait))
    return lines


async def handle_quiet(_: Message, dialogue: Dialogue) -> None:
    """/quiet: switch the notification sound for results that took long."""
    context = dialogue.context
    # A redelivered update must not switch it back.
    wanted = "0" if context.preferences.is_quiet else "1"
    choice = await dialogue.app.users.once(f"quiet.{context.request}", wanted)
    is_quiet = choice == "1"
    await dialogue.app.users.set_preference(
        dialogue.user_id, replace(context.preferences, is_quiet=is_quiet)
    )
    await dialogue.say(dialogue.t("quiet_on" if is_quiet else "quiet_off"), to=Audience.ASKER)


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
        rows.append([Button(label, f"set:{name}.{choice}.{user_id}")])
    return rows


def setting_rows(language: str, preferences: Preferences, name: str, user_id: int) -> Keyboard:
    """Choices of one setting, of which the current one is marked, and back to all settings."""
    current = _current(language, preferences, name)
    choices = [
        Button(
            ("✓ " if choice == current else "") + _choice_label(language, label),
            f"set:{name}.{choice}.{user_id}",
        )
        for choice, (_, label) in SETTINGS[name].choices.items()
    ]
    rows = in_rows(choices, 3 if len(choices) > _IN_ONE_ROW else len(choices))
    return [*rows, [button(language, "back", f"set:all.{OPEN}.{user_id}")]]


def _current(language: str, preferences: Preferences, name: str) -> str:
    setting = SETTINGS[name]
    current = language if name == "language" else getattr(preferences, setting.field)
    # A stored value may be one that is no longer offered.
    found = (choice for choice, (value, _) in setting.choices.items() if value == current)
    return next(found, next(iter(setting.choices)))


def _choice_label(language: str, label: str) -> str:
    return t(language, label) if has_text(label) else label


async def handle_settings(_: Message, dialogue: Dialogue) -> None:
    rows = _settings(dialogue.context.preferences, dialogue)
    await dialogue.say(dialogue.t("settings"), rows, Audience.ASKER)


async def on_setting_callback(_: CallbackQuery, argument: str, dialogue: Dialogue) -> str:
    context = dialogue.context
    name, _sep, rest = argument.partition(".")
    choice, _sep, owner = rest.partition(".")
    if owner != str(context.user_id):
        return "not_your_button"
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
    await dialogue.app.users.set_preference(dialogue.user_id, preferences)
    await _show_settings(dialogue, preferences)
    return ""


async def _show_settings(dialogue: Dialogue, preferences: Preferences) -> None:
    language = preferences.language or dialogue.language
    await dialogue.edit(t(language, "settings"), _settings(preferences, dialogue))


def _settings(preferences: Preferences, dialogue: Dialogue) -> Keyboard:
    who = preferences.language or dialogue.language, dialogue.user_id
    more = [row for rows_of in dialogue.added.settings_rows for row in rows_of(*who)]
    return [*settings_rows(*who, preferences), *more]


COMMANDS = (
    ChatCommand("queue", handle_queue, menu_place=3, is_personal=True),
    ChatCommand("limits", handle_limits, menu_place=5, is_personal=True),
    ChatCommand("settings", handle_settings, menu_place=5, is_personal=True),
    ChatCommand("quiet", handle_quiet, menu_place=5, is_personal=True),
)
BUTTONS = (
    (ButtonAction("queue", is_repeatable=True), on_queue_callback),
    (ButtonAction("set", is_repeatable=True), on_setting_callback),
)
