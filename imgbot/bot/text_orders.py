"""Orders of texts: a new picture, a change, an operation or another one, as a text asks for it."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiogram.types import Message

from imgbot.bot.dialogue import Dialogue, Question
from imgbot.bot.handlers.operations import OperationHandlers, shown_beside
from imgbot.bot.pictures import Pictures
from imgbot.bot.requests import Requests
from imgbot.bot.text_reader import Text
from imgbot.bot.this_picture import Meant, TargetPicture
from imgbot.domain.errors import UserError
from imgbot.domain.intents import Intent, PendingQuestion
from imgbot.domain.intents.beginnings import without_preamble
from imgbot.domain.job import InputPhoto, Job
from imgbot.domain.operations import Operation
from imgbot.domain.words.reading import THIS, NamedBy, Order

_ANSWERED = frozenset({Question.CREATE_WORDS, Question.EDIT_WORDS})
"""Questions after a request that was counted already; so was that for a scale."""


@dataclass(frozen=True, slots=True)
class TextOrders:
    """Handlers of texts that order something."""

    requests: Requests
    pictures: Pictures
    operations: OperationHandlers

    async def named(self, text: Text, dialogue: Dialogue) -> Meant:
        """Return the picture that a text names; nothing if it names none.

        Raises UserError if there is no such picture.
        """
        return await self.meant(text, dialogue) if text.which != THIS else ()

    async def meant(self, text: Text, dialogue: Dialogue) -> Meant:
        """Return the picture that a text is about. Raises UserError without one."""
        found = next((each.id for each in text.found.pictures), "")
        if not found:
            raise no_such(text)
        meant = await self.pictures.meant(text.chat, found, dialogue)
        if not meant:
            raise UserError("picture_gone")
        return meant

    async def targets(self, text: Text, dialogue: Dialogue) -> Sequence[TargetPicture]:
        """Return the pictures that a text is about. Raises UserError if they are gone."""
        ids = [each.id for each in text.found.pictures]
        if len(ids) > 1:
            # Handled again, it means what it meant first.
            ids = (await dialogue.once("targets", " ".join(ids))).split()
        if text.which != THIS and not ids:
            raise no_such(text)
        found = [await self.pictures.target(text.chat, each, dialogue) for each in ids]
        if found and not any(each.photo for each in found):
            raise UserError("picture_gone")
        return [each for each in found if each.photo]

    async def photo(self, text: Text, dialogue: Dialogue) -> InputPhoto | None:
        return next((each.photo for each in await self.targets(text, dialogue)), None)

    async def handle_redraw(self, text: Text, message: Message, dialogue: Dialogue) -> None:
        """Draw a picture anew with other options or words; one that was not drawn is changed."""
        meant = await self.meant(text, dialogue)
        if isinstance(meant, Job) and meant.request.operation is Operation.CREATE:
            await self.requests.remix(
                shown_beside(meant.progress.message_id, dialogue), meant, text.wanted
            )
        else:
            await self.handle_change(text, message, dialogue)

    async def handle_no_words(self, text: Text, _: Message, dialogue: Dialogue) -> None:
        if not text.is_reply:
            raise UserError("words_empty")
        await self.operations.edit(dialogue, await self.photo(text, dialogue), "")

    async def handle_new_picture(self, text: Text, _: Message, dialogue: Dialogue) -> None:
        if text.question not in _ANSWERED:
            await self.requests.check_rate_limit(dialogue)
        # A beginning that is cut off as a whole needs its first words.
        is_clumsy = without_preamble(text.prompt) != text.prompt
        await self.requests.create(dialogue, text.prompt if is_clumsy else text.wanted)
        if text.question or text.expired:
            await dialogue.state.clear()

    async def handle_change(self, text: Text, _: Message, dialogue: Dialogue) -> None:
        targets = await self.targets(text, dialogue) or [TargetPicture()]
        if text.is_reply or text.question not in _ANSWERED:
            await self.requests.check_rate_limit(dialogue)
        await self.operations.order_on_each(Operation.EDIT, targets, text.wanted, dialogue)

    async def handle_operation(self, text: Text, _: Message, dialogue: Dialogue) -> None:
        """An operation in words; without a picture, it asks for one."""
        order = text.order or Order(Intent.OPERATION)
        operation = order.operation or Operation.EDIT
        targets = await self._operands(operation, text, dialogue)
        if text.pending is not PendingQuestion.SCALE:
            await self.requests.check_rate_limit(dialogue)
        # They also say how to merge, what is damaged, and what to do where it was drawn on.
        photo = targets[0].photo
        is_drawn = dialogue.order_rule.takes_another(operation, text.prompt, photo)
        is_said = operation in {Operation.MERGE, Operation.RETOUCH} or is_drawn
        prompt = text.prompt if is_said else ""
        scale = order.scale or (2 if photo else None)
        await self.operations.order_on_each(operation, targets, prompt, dialogue, scale)

    async def _operands(
        self, operation: Operation, text: Text, dialogue: Dialogue
    ) -> Sequence[TargetPicture]:
        """Return the pictures of an operation; one without a photo if it has to be asked for."""
        targets = await self.targets(text, dialogue)
        # "Merge them" is about photos, hardly about the latest picture alone.
        is_answer = text.is_reply or bool(text.pending)
        is_enough = operation is not Operation.MERGE or is_answer or len(targets) > 1
        return targets if targets and is_enough else [TargetPicture()]


def no_such(text: Text) -> UserError:
    """Return the error that says which pictures there are, in place of the one that is named."""
    if text.which.way is not NamedBy.NUMBER:
        return UserError("undo_nothing")
    this = text.chat.state.this
    order = [each for each in text.chat.state.pictures if this and each.order == this.order != ""]
    known = ", ".join(str(number) for number in sorted({each.number for each in order}))
    facts = {"number": text.which.number, "known": known}
    return UserError("variant_missing", **facts) if known else UserError("variants_none")
