"""Sending of a sticker: once, as no message can become one."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from imgbot.domain.buttons import ButtonAction
from imgbot.domain.errors import FloodWaitError, ImgbotError
from imgbot.domain.job import Job, State
from imgbot.domain.operations import Operation
from imgbot.domain.texts import t
from imgbot.jobs.hooks import AfterRender, AfterShown, Hooks, Rendered, ShownEnd, record_of
from imgbot.painter import steps
from imgbot.painter.pool import Pool
from imgbot.storage.results import ResultStore
from imgbot.telegram.messenger import ChatTarget, Messenger
from imgbot.telemetry import events

_NAME = "stickers"
_FILE = "sticker.webp"

PACK = ButtonAction("pack")


@dataclass(frozen=True, slots=True)
class StickerRecord:
    """Record of a sticker, stored with its job."""

    is_begun: bool = False
    """True once its sticker may have been sent."""


class StickerSender:
    """Makes the sticker of a result, and sends it in reply to the picture."""

    def __init__(self, pool: Pool, messenger: Messenger, results: ResultStore) -> None:
        self._pool = pool
        self._messenger = messenger
        self._results = results

    @property
    def hooks(self) -> Hooks:
        """Hooks that make the sticker and send it."""
        return Hooks(
            after_render=(AfterRender(self._make),),
            after_shown=(AfterShown(_is_sticker, self._send),),
        )

    async def _make(self, rendered: Rendered) -> Rendered:
        if rendered.job.request.operation is Operation.STICKER:
            paths = str(rendered.picture), str(rendered.picture.with_name(_FILE))
            await self._pool.run(steps.make_sticker, *paths, about="making a sticker")
        return rendered

    async def _send(self, shown: ShownEnd) -> None:
        """Send it at most once.

        If it may not have arrived, the user is told; the button under the picture makes another.
        """
        if shown.is_late:
            return
        request, message_id = shown.job.request, shown.job.progress.message_id
        place = ChatTarget(request.chat_id, request.thread_id, message_id)
        if not record_of(shown.job, _NAME, StickerRecord).is_begun and await self._is_sent(
            shown, place
        ):
            return
        with suppress(ImgbotError):
            await self._messenger.send_text(place, t(request.language, "sticker_unsure"), [])

    async def _is_sent(self, shown: ShownEnd, place: ChatTarget) -> bool:
        await shown.store(_NAME, StickerRecord(is_begun=True))
        job = shown.job
        path = Path(job.progress.file).with_name(_FILE)
        rows = [[PACK.button(job.request.language, job.id)]]
        try:
            sent_id = await self._messenger.send_sticker(place, path, rows)
        except FloodWaitError:
            # It was not sent: the delivery is repeated.
            await shown.store(_NAME, StickerRecord())
            raise
        except (ImgbotError, OSError) as error:
            events.warning("%s: its sticker was not sent: %s", events.name_of(job), error)
            return False
        # A reply to it is about the picture.
        await self._results.note_ready(place.chat_id, sent_id, job.id)
        return True


def _is_sticker(job: Job, outcome: State) -> bool:
    return job.request.operation is Operation.STICKER and outcome is State.DELIVERED
