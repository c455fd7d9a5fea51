"""Several models side by side: one picture by two models, at prices that are shown before."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations

from aiogram.types import CallbackQuery, Message

from imgbot.bot.dialogue import Dialogue
from imgbot.bot.messages import asked_about, prompt_of, without_mention
from imgbot.domain.buttons import mark_of
from imgbot.domain.errors import UserError
from imgbot.domain.intents import Intent
from imgbot.domain.job import Job
from imgbot.domain.operations import Operation
from imgbot.domain.words.chat import ChatState
from imgbot.domain.words.reading import Example, Sentence, Talk, WordReader
from imgbot.features.models.handlers import Models, beside_row
from imgbot.features.models.words import pair_in

TOPIC = "models side by side"


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Handlers of the words and of the buttons."""

    models: Models

    def row(self) -> WordReader:
        """Return the row of the reader of words that ask for it."""
        examples = Example("compare flux and krea"), Example("лиса, сравни флюкс и krea")
        reads = "one picture by two models that are named"
        # "Sketch" names no picture here.
        return WordReader(TOPIC, reads, self._read, examples, is_first=True)

    def _read(self, sentence: Sentence, chat: ChatState) -> Talk | None:
        rest, models = pair_in(sentence.text, self._titles(Operation.CREATE))
        if not rest and chat.this and (meant := chat.this.operation):
            models = pair_in(sentence.text, self._titles(meant))[1]
        return Talk(Intent.COMMAND, TOPIC) if models else None

    def _titles(self, operation: Operation) -> Mapping[str, str]:
        if operation not in self.models.several:
            return {}
        return {name: each.title for name, each in self.models.of(operation).items()}

    async def handle(self, message: Message, dialogue: Dialogue) -> None:
        """Ask whether a prompt, or this picture, is to be made by two models; orders nothing."""
        text = prompt_of(without_mention(message, dialogue.identity.name))
        prompt, models = pair_in(text, self._titles(Operation.CREATE))
        job_id, operation = "", Operation.CREATE
        if not prompt:
            asked = await self.models.pictures.chosen("again", message, dialogue)
            job_id, operation = asked.id, asked.request.operation
            models = pair_in(text, self._titles(operation))[1]
        if not models:
            raise UserError("again_nothing")
        first, second = (self.models.label(operation, each, dialogue) for each in models)
        row = beside_row(job_id, first, second, dialogue)
        await dialogue.say(dialogue.t("ask_beside"), [row], about=dialogue.context.message_id)

    async def on_press(
        self, callback: CallbackQuery, job_id: str, mark: str, dialogue: Dialogue
    ) -> str:
        """Order both pictures, at the prices that the button shows."""
        requests = self.models.requests
        if job_id:
            made = await self.models.pictures.owned_result(job_id, dialogue)
            models = self._pair(made.request.operation, mark, dialogue)
            beside = dialogue.in_reply_to(made.progress.message_id)
            await requests.regenerate(beside, made.request, models=models)
        else:
            asked = asked_about(callback)
            if asked is None or asked.from_user is None:
                raise UserError("words_gone")
            if asked.from_user.id != dialogue.user_id:
                raise UserError("not_your_button")
            text = prompt_of(without_mention(asked, dialogue.identity.name))
            prompt, _ = pair_in(text, self._titles(Operation.CREATE))
            models = self._pair(Operation.CREATE, mark, dialogue)
            await requests.check_rate_limit(dialogue)
            await requests.create(dialogue.in_reply_to(asked.message_id), prompt, models)
        await dialogue.remove_panel()
        return "accepted_short"

    def _pair(self, operation: Operation, mark: str, dialogue: Dialogue) -> tuple[str, str]:
        """Return the models of a button. Raises UserError if they, or their prices, are others."""
        labels = {
            each: self.models.label(operation, each, dialogue) for each in self._titles(operation)
        }
        for first, second in permutations(labels, 2):
            if mark_of(f"{labels[first]} + {labels[second]}") == mark:
                return first, second
        raise UserError("beside_gone")

    def caption_note(self, job: Job) -> str:
        """Return the name of the model that a user chose for one of several variants."""
        request = job.request
        is_named = request.variants > 1 and request.model
        offer = self.models.of(request.operation).get(request.model) if is_named else None
        return f"🎛 {offer.title}" if offer and offer.title else ""
