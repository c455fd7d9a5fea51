"""Retirement of models: administrators hear of it in time, and let a dearer successor follow."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from aiogram.types import CallbackQuery

from imgbot.bot.administrators import tell_administrators
from imgbot.bot.context import NowMs
from imgbot.bot.dialogue import Dialogue
from imgbot.domain.buttons import ButtonAction, mark_of
from imgbot.domain.errors import ProviderError, StorageFullError, TransientError
from imgbot.domain.job import Job
from imgbot.domain.texts import price, t
from imgbot.jobs.provider_routing import ProviderRouter
from imgbot.providers.protocol import Provider, Retirement, chosen_model
from imgbot.storage.client import Client
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import ChatTarget, Messenger
from imgbot.telemetry import events

# HASH: id of a model that ends → the day that administrators were told, or `agreed`
ENDS = "img:model_ends"
SUCCESSOR = ButtonAction("successor", is_for_admins=True)

_AGREED = "agreed"
_DAY_S, _AGAIN_S = 86_400, 300


@dataclass(frozen=True, slots=True)
class Retirements:
    """Watch of the providers in use."""

    routes: ProviderRouter
    redis: Client
    messenger: Messenger
    users: UserStore
    admins: Sequence[int]
    now_ms: NowMs

    async def run(self) -> None:
        """Look at the start, and each day in its first minute."""
        while True:
            wait_s = _DAY_S - self.now_ms() / 1000 % _DAY_S
            try:
                await self.look()
            except (TransientError, StorageFullError) as error:
                events.warning("retired models are checked again later: %s", error)
                wait_s = _AGAIN_S
            await asyncio.sleep(wait_s + 1)

    async def look(self) -> None:
        """Ask the providers, replace what has ended, and tell of what will, once for each day."""
        for provider in self.routes.providers:
            try:
                await provider.ask_retirements()
            except ProviderError as error:
                events.warning("%s did not say which models it retires: %s", provider.name, error)
        self.replace(await self.redis.hgetall(ENDS))
        for provider in self.routes.providers:
            for end in filter(self._is_news, provider.retirements):
                if await self.redis.hget(ENDS, end.old.model) not in {f"{end.day}", _AGREED}:
                    await self._tell(provider, end)
                    # One may have agreed while another was told.
                    if await self.redis.hget(ENDS, end.old.model) != _AGREED:
                        await self.redis.hset(ENDS, end.old.model, f"{end.day}")

    def replace(self, noted: Mapping[Any, Any]) -> None:
        """Let successors take the place of models that have ended, or were agreed to be."""
        agreed = {str(model) for model, note in noted.items() if note == _AGREED}
        for provider in self.routes.providers:
            provider.renew(self._today(), agreed)

    @property
    def _ends(self) -> list[Retirement]:
        return [end for provider in self.routes.providers for end in provider.retirements]

    def _today(self) -> date:
        return datetime.fromtimestamp(self.now_ms() / 1000, UTC).date()

    def _is_news(self, end: Retirement) -> bool:
        """Return true if a model that users can have ends soon, or ended without a successor."""
        models = (self.routes.models(each) for each in end.operations)
        is_had = any(chosen_model(each, end.old.model) for each in models)
        return is_had and not end.is_over and end.is_announced(self._today())

    async def _tell(self, provider: Provider, end: Retirement) -> None:
        kind = "alone" if end.new is None else "dearer" if end.is_dearer else "same"
        new = end.new or end.old
        facts = {"model": end.old.title, "successor": new.title, "provider": provider.name}
        facts |= {"day": f"{end.day}", "before": price(end.old.price_at(0))}
        facts |= {"price": price(new.price_at(0))}
        events.warning("%s retires %s on %s", provider.name, end.old.model, end.day)

        async def tell(admin_id: int, language: str) -> None:
            button = SUCCESSOR.button(language, mark_of(end.old.model), successor=new.title)
            text = t(language, "model_ends", **facts) + t(language, f"model_ends_{kind}", **facts)
            rows = [[button]] if end.new else []
            await self.messenger.send_text(ChatTarget(admin_id), text, rows)

        await tell_administrators(self.admins, self.users, tell)

    async def on_press(self, _: CallbackQuery, mark: str, dialogue: Dialogue) -> str:
        """Let the successor take the place of a model now, though it be dearer."""
        for each in self._ends:
            if mark_of(each.old.model) == mark and each.new:
                await self.redis.hset(ENDS, each.old.model, _AGREED)
                self.replace(await self.redis.hgetall(ENDS))
                facts = {"model": each.old.title, "successor": each.new.title}
                await dialogue.edit(dialogue.t("model_ends_agreed", **facts), [])
                return ""
        return "stale_button"

    def receipt_note(self, result: Job, language: str) -> str:
        """Return a line about the model whose place that of a result has taken, if any."""
        for end in self._ends:
            is_over = end.is_over and result.request.operation in end.operations
            if is_over and end.new and end.new.model == result.progress.order_model:
                return t(language, "receipt_successor", model=end.old.title, day=f"{end.day}")
        return ""
