"""Models: the choice among those of the provider in use, in /settings and under a result."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from aiogram.types import CallbackQuery

from imgbot.bot import requests
from imgbot.bot.commands import ButtonAction
from imgbot.bot.dialogue import Alert, Audience, Dialogue
from imgbot.bot.pictures import owned_result
from imgbot.domain.job import Job
from imgbot.domain.model_words import asks_for_the_same
from imgbot.domain.operations import ACTIONS, Operation
from imgbot.domain.texts import buttons
from imgbot.domain.texts.buttons import OPEN, Keyboard
from imgbot.providers.protocol import model_meant


def with_models(dialogue: Dialogue) -> Sequence[Operation]:
    """Return the operations for which the user may choose among several models."""
    return [each for each in ACTIONS if len(dialogue.app.policy.models(each)) > 1]


async def on_models_callback(_: CallbackQuery, argument: str, dialogue: Dialogue) -> str:
    """Show the models for the operation of a result, in reply to it."""
    operation = (await owned_result(argument, dialogue)).request.operation
    if operation not in with_models(dialogue):
        return "stale_button"
    text, rows = _panel(operation, dialogue, argument)
    await dialogue.say(text, rows, Audience.ASKER, about=dialogue.context.message_id)
    return ""


async def on_model_callback(_: CallbackQuery, argument: str, dialogue: Dialogue) -> str:
    """Show the operations, or the models of one, or choose one of these; orders nothing."""
    name, mark, owner, job_id = f"{argument}...".split(".")[:4]
    if owner != str(dialogue.user_id):
        return "not_your_button"
    if name == OPEN:
        rows = buttons.model_operations(dialogue.language, with_models(dialogue), dialogue.user_id)
        await dialogue.edit(dialogue.t("settings_models"), rows)
        return ""
    known = _by_mark(Operation(name), dialogue) if name in with_models(dialogue) else {}
    if not known or mark not in {OPEN, *known}:
        return "model_gone_short"
    if mark in known:
        chosen = dialogue.context.preferences.with_model(name, known[mark])
        await dialogue.app.users.set_preference(dialogue.user_id, chosen)
        profile = replace(dialogue.context.profile, preferences=chosen)
        dialogue = replace(dialogue, context=dialogue.context.with_profile(profile))
    await dialogue.edit(*_panel(Operation(name), dialogue, job_id))
    return ""


async def on_redraw_callback(_: CallbackQuery, argument: str, dialogue: Dialogue) -> str | Alert:
    """Order a picture again with the model that its button names, at the price that it tells."""
    job_id, mark, told = f"{argument}..".split(".")[:3]
    result = await owned_result(job_id, dialogue)
    operation = result.request.operation
    model = _by_mark(operation, dialogue).get(mark)
    if model is None:
        return "model_gone_short"
    if told != mark_of(dialogue.model_shown(operation, model)):
        await dialogue.edit(*_panel(operation, dialogue, job_id))
        return "price_changed_short"
    await redraw(dialogue.in_reply_to(result.progress.message_id), result, model)
    await dialogue.remove_panel()
    return "accepted_short"


async def redraw(dialogue: Dialogue, result: Job, model: str) -> None:
    """Order a picture again, with another model."""
    await requests.regenerate(dialogue, replace(result.request, model=model))


async def ask_to_redraw(dialogue: Dialogue, result: Job, model: str) -> None:
    """Ask whether a picture is to be made again with a model, whose price is told."""
    label = dialogue.model_shown(result.request.operation, model)
    data = f"{result.id}.{mark_of(model)}.{mark_of(label)}"
    text = dialogue.t("ask_best_model", model=label)
    await dialogue.say(text, buttons.redraw(dialogue.language, data, label))


def same_with(text: str, operation: Operation, dialogue: Dialogue) -> tuple[str, bool]:
    """Return the model with which a text asks for the same picture, or nothing.

    True with it if the user is to be asked first.
    """
    for is_asked in (False, True):
        rest, model = requests.words_about_model(dialogue, operation, text, is_asked=is_asked)
        if model and asks_for_the_same(rest):
            return model, is_asked
    return "", False


def _panel(operation: Operation, dialogue: Dialogue, job_id: str) -> tuple[str, Keyboard]:
    """Return text and buttons of the choice; for a result with one that draws it again."""
    models, language = dialogue.app.policy.models(operation), dialogue.language
    labels = {name: dialogue.model_shown(operation, name) for name in models}
    chosen = dialogue.context.preferences.models.get(operation, "")
    current = model_meant(models, chosen) or next(iter(models))
    lines = [
        " — ".join(filter(None, (f"• {labels[name]}", each.good_at.get(language, ""))))
        for name, each in models.items()
    ]
    action = dialogue.t(f"button_{operation}")
    example = next((each.title for each in [*models.values()][::-1] if each.title), "…")
    text = dialogue.t("settings_model", action=action, models="\n".join(lines), example=example)
    marked = {mark_of(name): label for name, label in labels.items()}
    rows = buttons.models(marked, operation, dialogue.user_id, job_id, mark_of(current))
    if job_id:
        data = f"{job_id}.{mark_of(current)}.{mark_of(labels[current])}"
        return text, [*rows, *buttons.redraw(language, data, labels[current])]
    return text, [*rows, buttons.to_models(language, dialogue.user_id)]


def _by_mark(operation: Operation, dialogue: Dialogue) -> Mapping[str, str]:
    return {mark_of(name): name for name in dialogue.app.policy.models(operation)}


def mark_of(text: str) -> str:
    """Return the form of a model's id, or of a told price, in callback data, which is short."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


BUTTONS = (
    ButtonAction("models", on_models_callback),
    ButtonAction("model", on_model_callback, is_repeatable=True),
    ButtonAction("redraw", on_redraw_callback),
)
