"""Choice of a model: for all pictures, by a word in a prompt, and for one that is made again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from aiogram.types import CallbackQuery, Message

from imgbot.bot.dialogue import Audience, Dialogue, Draft, Resend
from imgbot.bot.handlers.account import OPEN, SET
from imgbot.bot.messages import prompt_of
from imgbot.bot.pictures import Pictures
from imgbot.bot.requests import Requests
from imgbot.domain.buttons import Button, ButtonAction, Keyboard, Presser, mark_of, one_of
from imgbot.domain.errors import UserError
from imgbot.domain.intents import Intent
from imgbot.domain.job import Job
from imgbot.domain.operations import ACTIONS, Operation
from imgbot.domain.words.chat import ChatState
from imgbot.domain.words.reading import Example, Sentence, Talk, WordReader
from imgbot.features.models.words import asks_for_the_same, named_in
from imgbot.providers.protocol import Capability, chosen_model
from imgbot.storage.users import UserStore

MODELS = ButtonAction("models")
MODEL = ButtonAction("model", (str, str, Presser, str), is_repeatable=True)
REDRAW = ButtonAction("redraw", (str, str, str))
BESIDE = ButtonAction("beside", (str, str))
USUAL = ButtonAction("usual", (Presser, int, one_of(*ACTIONS)))

SAME_WITH = "same with model"
"""Topic of a text that asks for this picture by another model."""


@dataclass(frozen=True, slots=True)
class Models:
    """Handlers of the choice."""

    of: Callable[[Operation], Mapping[str, Capability]]
    """Models that users may choose for an operation, by their ids, the usual one first."""
    price_of: Callable[[Operation, int, str], int]
    several: Sequence[Operation]
    """Operations for which the user may choose among several models."""
    users: UserStore
    requests: Requests
    pictures: Pictures

    def settings_row(self, language: str, user_id: int) -> Keyboard:
        return [[MODEL.button(language, OPEN, "", user_id, key="all_models")]]

    def complete(self, draft: Draft, dialogue: Dialogue) -> Draft:
        """Take the words about a model out of a prompt; it is made by that model, or the chosen.

        Raises UserError if that is no longer offered.
        """
        operation, chosen = draft.operation, draft.model
        rest, named = self._words_about(operation, draft.prompt, dialogue)
        if chosen is None:
            chosen = dialogue.context.preferences.models.get(operation, "")
        meant = named or chosen_model(self.of(operation), chosen)
        if chosen and not meant:
            usual = self.label(operation, next(iter(self.of(operation))), dialogue)
            facts = {"model": chosen.rpartition("/")[2], "usual": usual}
            raise UserError("model_gone", operation=operation, **facts)
        return replace(draft, prompt=rest, model=meant)

    def row(self) -> WordReader:
        """Return the row of the reader of words about the same picture by another model."""
        examples = Example("the same with flux"), Example("то же через флюкс")
        return WordReader(
            SAME_WITH, "this picture again, with a model that is named", self._read, examples
        )

    def _read(self, sentence: Sentence, chat: ChatState) -> Talk | None:
        meant = chat.this.operation if chat.this else self.several[0]
        if meant is None or meant not in self.several:
            return None
        models = self.of(meant)
        titles = {name: each.title for name, each in models.items()}
        best = next((name for name, each in models.items() if each.is_best), "")
        rest, model = named_in(sentence.text, titles, best)
        return Talk(Intent.COMMAND, SAME_WITH) if model and asks_for_the_same(rest) else None

    async def handle_same(self, message: Message, dialogue: Dialogue) -> None:
        """Order the picture again with the model that a text names, or ask if that costs more."""
        asked = await self.pictures.chosen("again", message, dialogue)
        operation = asked.request.operation
        model, is_asked = self._same_with(prompt_of(message), operation, dialogue)
        if not model:
            raise UserError("again_nothing")
        if is_asked:
            await self._ask_to_redraw(asked, model, dialogue)
        else:
            await self.requests.regenerate(dialogue, replace(asked.request, model=model))

    def _same_with(self, text: str, operation: Operation, dialogue: Dialogue) -> tuple[str, bool]:
        """Return the model with which a text asks for the same picture, or nothing.

        True with it if the user is to be asked first.
        """
        for is_asked in (False, True):
            rest, model = self._words_about(operation, text, dialogue, is_asked=is_asked)
            if model and asks_for_the_same(rest):
                return model, is_asked
        return "", False

    def _words_about(
        self, operation: Operation, text: str, dialogue: Dialogue, *, is_asked: bool = False
    ) -> tuple[str, str]:
        """Return the text without its words about a model, and that model, if they name one.

        The best one is meant where it costs the user no more, or where they are asked first.
        """
        if operation not in self.several:
            return text, ""
        models = self.of(operation)
        titles = {name: each.title for name, each in models.items()}
        best = next((name for name, each in models.items() if each.is_best), "")
        # People write of the best quality without a thought of its price.
        is_meant = is_asked or not self._is_dearer(operation, best, dialogue)
        return named_in(text, titles, best if is_meant else "")

    def _is_dearer(self, operation: Operation, model: str, dialogue: Dialogue) -> bool:
        """Return true if the user pays more for a model than for their own choice."""
        own = dialogue.context.preferences.models.get(operation, "")
        if self.requests.price_shown(dialogue, operation, model) == self.requests.price_shown(
            dialogue, operation, own
        ):
            return False
        return self.price_of(operation, 2, model) > self.price_of(operation, 2, own)

    def label(self, operation: Operation, model: str, dialogue: Dialogue) -> str:
        """Return the name of a model, with its price where the user pays."""
        offer = self.of(operation)[model]
        scales = sorted(offer.scale_prices_micro) or [2]
        prices = (self.requests.price_shown(dialogue, operation, model, scale) for scale in scales)
        shown = "–".join(dict.fromkeys(filter(None, prices)))
        return " · ".join(filter(None, (offer.title or dialogue.t("model_usual"), shown)))

    async def on_models(self, _: CallbackQuery, job_id: str, dialogue: Dialogue) -> str:
        """Show the models for the operation of a result, in reply to it."""
        operation = (await self.pictures.owned_result(job_id, dialogue)).request.operation
        if operation not in self.several:
            return "stale_button"
        text, rows = self._panel(operation, dialogue, job_id)
        await dialogue.say(text, rows, Audience.ASKER, about=dialogue.context.message_id)
        return ""

    async def on_model(
        self, _: CallbackQuery, name: str, mark: str, job_id: str, dialogue: Dialogue
    ) -> str:
        """Show the operations, or the models of one, or choose one of these; orders nothing."""
        if name == OPEN:
            await dialogue.edit(dialogue.t("settings_models"), self._operations(dialogue))
            return ""
        known = self._by_mark(Operation(name)) if name in self.several else {}
        if not known or mark not in {OPEN, *known}:
            return "model_gone_short"
        if mark in known:
            dialogue = await self._prefer(name, known[mark], dialogue)
        await dialogue.edit(*self._panel(Operation(name), dialogue, job_id))
        return ""

    async def on_redraw(
        self, _: CallbackQuery, job_id: str, mark: str, shown: str, dialogue: Dialogue
    ) -> str:
        """Order a picture again with the model and at the price that its button shows."""
        result = await self.pictures.owned_result(job_id, dialogue)
        operation = result.request.operation
        model = self._by_mark(operation).get(mark)
        if model is None:
            return "model_gone_short"
        if shown != mark_of(self.label(operation, model, dialogue)):
            await dialogue.edit(*self._panel(operation, dialogue, job_id))
            return "price_changed_short"
        beside = dialogue.in_reply_to(result.progress.message_id)
        await self.requests.regenerate(beside, replace(result.request, model=model))
        await dialogue.remove_panel()
        return "accepted_short"

    async def on_usual(
        self, _: CallbackQuery, update_id: int, operation: Operation, dialogue: Dialogue
    ) -> str | Resend:
        """Go back from a model that is gone to the usual one, and on with a message, if any."""
        dialogue = await self._prefer(operation, "", dialogue)
        if update_id:
            return Resend(update_id, dialogue)
        await dialogue.remove_panel()
        return "model_usual_short"

    def usual_button(self, dialogue: Dialogue, update_id: int, error: UserError) -> Keyboard:
        """Button that takes the usual model, and handles a message again with it, if it is kept."""
        parts = dialogue.user_id, update_id, error.facts["operation"]
        return [[USUAL.button(dialogue.language, *parts, key="usual_model")]]

    async def _ask_to_redraw(self, result: Job, model: str, dialogue: Dialogue) -> None:
        """Ask whether a picture is to be made again with a model, whose price is shown."""
        label = self.label(result.request.operation, model, dialogue)
        text = dialogue.t("ask_best_model", model=label)
        await dialogue.say(text, _redraw(result.id, model, label, dialogue))

    def _operations(self, dialogue: Dialogue) -> Keyboard:
        """Buttons of the operations that have several models, and back to all settings."""
        language, end = dialogue.language, (OPEN, dialogue.user_id)
        rows = [[MODEL.button(language, each, *end, key=each)] for each in self.several]
        return [*rows, [SET.button(language, "all", *end, key="back")]]

    def _panel(self, operation: Operation, dialogue: Dialogue, job_id: str) -> tuple[str, Keyboard]:
        """Return text and buttons of the choice; for a result with one that draws it again."""
        models, language = self.of(operation), dialogue.language
        labels = {name: self.label(operation, name, dialogue) for name in models}
        chosen = dialogue.context.preferences.models.get(operation, "")
        current = chosen_model(models, chosen) or next(iter(models))
        lines = [
            " — ".join(filter(None, (f"• {labels[name]}", each.good_at.get(language, ""))))
            for name, each in models.items()
        ]
        action = dialogue.t(f"button_{operation}")
        example = next((each.title for each in [*models.values()][::-1] if each.title), "…")
        text = dialogue.t("settings_model", action=action, models="\n".join(lines), example=example)
        end = dialogue.user_id, job_id
        rows = [
            [Button("✓ " * (name == current) + label, MODEL.pack(operation, mark_of(name), *end))]
            for name, label in labels.items()
        ]
        if job_id:
            rows += _redraw(job_id, current, labels[current], dialogue)
            other = next((name for name in models if name != current), current)
            return text, [*rows, beside_row(job_id, labels[current], labels[other], dialogue)]
        return text, [*rows, [MODEL.button(language, OPEN, "", dialogue.user_id, key="back")]]

    async def _prefer(self, operation: str, model: str, dialogue: Dialogue) -> Dialogue:
        """Store the user's choice; an empty one is the usual. Return the dialogue with it."""
        chosen = dialogue.context.preferences.with_model(operation, model)
        await self.users.set_preference(dialogue.user_id, chosen)
        profile = replace(dialogue.context.profile, preferences=chosen)
        return replace(dialogue, context=dialogue.context.with_profile(profile))

    def _by_mark(self, operation: Operation) -> Mapping[str, str]:
        return {mark_of(name): name for name in self.of(operation)}


def beside_row(job_id: str, first: str, second: str, dialogue: Dialogue) -> list[Button]:
    """Button that makes a picture with two models at once, and shows both prices."""
    models = f"{first} + {second}"
    return [BESIDE.button(dialogue.language, job_id, mark_of(models), models=models)]


def _redraw(job_id: str, model: str, label: str, dialogue: Dialogue) -> Keyboard:
    """Button that orders a picture again with the chosen model, and shows its price."""
    parts = job_id, mark_of(model), mark_of(label)
    return [[REDRAW.button(dialogue.language, *parts, model=label)]]
