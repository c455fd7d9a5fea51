"""Handlers of named photos: a name is given, a picture is ordered with it, and it is deleted."""

import asyncio
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aiogram.types import CallbackQuery, Message

from imgbot.bot.dialogue import Audience, Dialogue
from imgbot.bot.handlers.account import OPEN, SET
from imgbot.bot.messages import (
    asked_about,
    photo_of,
    prompt_of,
    replied_picture_of,
    without_mention,
)
from imgbot.bot.questions import MEANT
from imgbot.bot.this_picture import target_of
from imgbot.domain.buttons import Button, ButtonAction, Keyboard, Presser, mark_of
from imgbot.domain.errors import UserError
from imgbot.domain.job import KEPT, InputPhoto, Job
from imgbot.domain.operations import Operation
from imgbot.domain.spelling import fold
from imgbot.features.feature import Core
from imgbot.features.named_photos.store import NamedPhotos
from imgbot.features.named_photos.words import (
    is_common,
    name_given,
    order_with,
    without_names,
)
from imgbot.files import copy_file
from imgbot.painter import steps
from imgbot.providers.protocol import GenerationRequest, Provider
from imgbot.storage.job_codec import pack, unpack
from imgbot.telegram.client import download

KEEP = ButtonAction("keepname", (Presser, str))
WITH = ButtonAction("withname", (Presser,))
NAMES = ButtonAction("names", (Presser, str), is_repeatable=True)

_LIMIT = 5
_COPY_LIMITS = {"max_side_px": 1536, "max_bytes": 1_000_000, "takes_png": False}


@dataclass(frozen=True, slots=True)
class NameHandlers:
    """Handlers of words, of buttons and of /names."""

    core: Core
    photos: NamedPhotos

    def _text(self, message: Message) -> str:
        return prompt_of(without_mention(message, self.core.identity.name))

    async def name(self, message: Message, dialogue: Dialogue) -> None:
        """Keep this picture under a name; before the first, and where it is unsure, ask."""
        await self.core.requests.check_rate_limit(dialogue)
        meant = await self.core.pictures.meant_in(message, dialogue)
        photo = photo_of(message) or target_of(meant).photo
        if photo is None or not photo.file_id:
            raise UserError("named_nothing")
        given, is_told = name_given(self._text(message))
        name, question = _known_as(given, photo, dialogue)
        if not question and is_common(name) and not is_told:
            question = "named_ask_word"
        if not question:
            await self._keep(name, photo, dialogue)
            return
        request, user_id = dialogue.context.request, dialogue.user_id
        keep = KEEP.button(dialogue.language, user_id, request, name=name)
        await dialogue.ask(dialogue.t(question, name=name), rows=[[keep]])
        await dialogue.state.update_data(naming=[request, name, pack(photo)])

    async def on_keep(self, callback: CallbackQuery, request: str, dialogue: Dialogue) -> str:
        """Keep the photo that the question was about."""
        by, name, photo = (await dialogue.state.get_data()).get("naming", ("", "", []))
        if by != request:
            return "stale_button"
        [found] = unpack([photo])
        asked = asked_about(callback)
        by_asked = dialogue.in_reply_to(asked.message_id) if asked else dialogue
        await self._keep(_known_as(name, found, dialogue)[0], found, by_asked)
        await dialogue.remove_panel()
        return ""

    async def _keep(self, name: str, photo: InputPhoto, dialogue: Dialogue) -> None:
        kept = replace(photo, unique_id=KEPT + photo.unique_id, name=name, replied=None)
        run = self.core.pool.run
        with tempfile.TemporaryDirectory() as folder:
            raw, checked = Path(folder) / "raw", str(Path(folder) / "checked")
            await download(self.core.bot, photo.file_id, raw)
            path = await run(steps.check, str(raw), checked, about="checking a picture")
            path = await run(steps.fit, path, about="fitting a picture", **_COPY_LIMITS)
            await self.photos.keep(dialogue.user_id, kept, Path(path))
        done = "named_done_engine" if self.core.policy.has_builtin_edits else "named_done"
        await dialogue.say(dialogue.t(done, name=name), about=dialogue.context.message_id)

    async def order(self, message: Message, dialogue: Dialogue, *, is_sure: bool = False) -> None:
        """Order a picture with the photos whose names are in a text; what is unsure is asked."""
        text, named = self._text(message), dialogue.context.profile.named
        found = order_with(text, tuple(named))
        if found is None or found.is_alone:
            raise UserError("named_how" if found else "named_gone", name=", ".join(named))
        if not found.is_sure and not is_sure:
            names, language = ", ".join(found.names), dialogue.language
            button = WITH.button(language, dialogue.user_id, names=names)
            new = MEANT.button(language, "create", key="new_picture")
            await dialogue.ask(dialogue.t("named_ask_which", names=names), rows=[[button], [new]])
            return
        await self.core.requests.check_rate_limit(dialogue)
        photos, own = unpack([json.loads(named[name]) for name in found.names]), photo_of(message)
        if own is None and (found.is_added or replied_picture_of(message)):
            own = target_of(await self.core.pictures.meant_in(message, dialogue)).photo
        photos = (own, *photos) if own else photos
        if len(photos) == 1:
            await self.core.operations.edit(dialogue, photos[0], text)
        else:
            await self.core.requests.order(dialogue, Operation.MERGE, text, photos)
            await dialogue.state.clear()

    async def on_with(self, callback: CallbackQuery, dialogue: Dialogue) -> str:
        """Order with the named photos what a text was not sure to ask for."""
        asked = asked_about(callback)
        if asked is None:
            return "words_gone"
        await self.order(asked, dialogue.in_reply_to(asked.message_id), is_sure=True)
        await dialogue.remove_panel()
        return "accepted_short"

    async def show(self, _: Message, dialogue: Dialogue) -> None:
        """/names: each with a button that deletes it."""
        await dialogue.say(*_listed([*dialogue.context.profile.named], dialogue), Audience.ASKER)

    async def on_names(self, _: CallbackQuery, mark: str, dialogue: Dialogue) -> str:
        """Show the names, without the one that is deleted."""
        names = [*dialogue.context.profile.named]
        for name in [each for each in names if mark_of(each) == mark]:
            await self.photos.delete(dialogue.user_id, name)
            names.remove(name)
        await dialogue.edit(*_listed(names, dialogue))
        return ""

    async def take_copy(self, _: object, job: Job, index: int, target: Path) -> bool:
        """Begin with the copy of a named photo, whatever became of it at Telegram."""
        copy = self.photos.copy_of(job.user_id, job.request.sources[index])
        if copy:
            await asyncio.to_thread(copy_file, copy, target)
        return copy is not None


def _known_as(name: str, photo: InputPhoto, dialogue: Dialogue) -> tuple[str, str]:
    """Return a name as it is known, and what is asked before a photo gets it. Raises UserError."""
    named = dialogue.context.profile.named
    known = next((each for each in named if fold(each) == fold(name)), "")
    if known:
        _, unique_id, *_ = json.loads(named[known])
        return known, "" if unique_id == KEPT + photo.unique_id else "named_ask_other"
    if len(named) >= _LIMIT:
        raise UserError("named_full", names=", ".join(named), limit=_LIMIT)
    return name, "" if named else "named_ask_first"


def _listed(names: Sequence[str], dialogue: Dialogue) -> tuple[str, Keyboard]:
    language, user_id = dialogue.language, dialogue.user_id
    rows = [[Button(f"🗑 {name}", NAMES.pack(user_id, mark_of(name)))] for name in names]
    back = SET.button(language, "all", OPEN, user_id, key="back")
    return dialogue.t("named_list" if names else "named_list_empty"), [*rows, [back]]


async def tell_names(
    _: object, job: Job, provider: Provider, order: GenerationRequest
) -> GenerationRequest:
    """Say in the prompt who or what is shown where; the engine gets it without the names."""
    kept = {at: each.name for at, each in enumerate(job.request.sources, 1) if each.is_kept}
    if not kept or not order.prompt:
        return order
    if provider.is_deterministic:
        return replace(order, prompt=without_names(order.prompt, tuple(kept.values())))
    told = " ".join(f"Image {at} shows {name}." for at, name in kept.items())
    return replace(order, prompt=f"{told} Keep the look of who or what is shown. {order.prompt}")
