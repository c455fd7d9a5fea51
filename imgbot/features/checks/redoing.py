"""Once more, free: another picture in place of one that lacks something, paid by the operator."""

from contextlib import suppress
from dataclasses import dataclass

from aiogram.types import CallbackQuery

from imgbot.bot.dialogue import Dialogue
from imgbot.bot.pictures import Pictures
from imgbot.bot.requests import Requests
from imgbot.domain.buttons import ButtonAction
from imgbot.domain.errors import ImgbotError, UserError
from imgbot.domain.job import Job, State, is_free
from imgbot.domain.texts import t
from imgbot.features.checks.checking import ABSENT
from imgbot.jobs.hooks import ShownEnd, record_of
from imgbot.storage.client import Client
from imgbot.storage.spend import Spend
from imgbot.telegram.messenger import ChatTarget, Messenger

FREE = ButtonAction("free")
# SET per user id and local day, two days: jobs whose pictures were made again, free.
REDOS = "img:redos:"

_NAME = "checks"
_KEPT_S = 172_800
_OPEN_MS = 86_400_000
"""The offer holds for a day: as long as its job id cannot be ordered again."""


@dataclass(frozen=True, slots=True)
class OfferRecord:
    """Record of an offer, stored with its job."""

    is_begun: bool = False
    """True once it may have been sent."""


@dataclass(frozen=True, slots=True)
class Redoing:
    """The offer, and its button; `limit` is that of a user and day."""

    redis: Client
    spend: Spend
    requests: Requests
    pictures: Pictures
    messenger: Messenger
    limit: int

    def concerns(self, job: Job, outcome: State) -> bool:
        is_open = ABSENT in job.progress.facts and not is_free(job.id)
        return is_open and outcome is State.DELIVERED

    async def offer(self, shown: ShownEnd) -> None:
        """Offer it in reply to the picture, at most once, while the user has one left today."""
        job = shown.job
        if shown.is_late or record_of(job, _NAME, OfferRecord).is_begun:
            return
        if await self.redis.scard(self._key(job.user_id, job.created_ms)) >= self.limit:
            return
        await shown.store(_NAME, OfferRecord(is_begun=True))
        request = job.request
        place = ChatTarget(request.chat_id, request.thread_id, job.progress.message_id)
        text = t(request.language, "free_offer", words=str(job.progress.facts[ABSENT]))
        with suppress(ImgbotError):
            rows = [[FREE.button(request.language, job.id)]]
            await self.messenger.send_text(place, text, rows)

    def _key(self, user_id: int, now_ms: int) -> str:
        return f"{REDOS}{user_id}.{self.spend.today(now_ms)}"

    async def on_press(self, _: CallbackQuery, job_id: str, dialogue: Dialogue) -> str:
        """Order the same once more; it counts in the budget, and costs the user nothing."""
        made = await self.pictures.owned_result(job_id, dialogue)
        is_over = dialogue.now_ms() - made.created_ms > _OPEN_MS
        if is_over or not self.limit or not self.concerns(made, State.DELIVERED):
            return "stale_button"
        await self._claim(job_id, dialogue)
        beside = dialogue.in_reply_to(made.progress.message_id)
        is_new = await self.requests.redo(beside, made)
        await dialogue.remove_panel()
        return "accepted_short" if is_new else "tapped_already"

    async def _claim(self, job_id: str, dialogue: Dialogue) -> None:
        """Count it in the day's limit, once for each picture. Raises UserError beyond that."""
        redis, key = self.redis, self._key(dialogue.user_id, dialogue.now_ms())
        is_new = await redis.sadd(key, job_id)
        await redis.expire(key, _KEPT_S)
        if is_new and await redis.scard(key) > self.limit:
            await redis.srem(key, job_id)
            raise UserError("free_spent")
