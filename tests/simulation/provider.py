"""Providers of the simulated world: their tasks and ledger, and the bot's adapter."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from imgbot.domain.errors import ProviderError, ProviderErrorKind as Kind
from imgbot.domain.operations import OFFERED, Operation
from imgbot.files import copy_file, replace_file
from imgbot.providers.protocol import (
    Accepted,
    Cancelled,
    Capability,
    Done,
    GenerationRequest,
    Output,
    Pending,
    Provider,
    Recovery,
    Ticket,
)
from tests.simulation.loop import Loop
from tests.simulation.marks import sometimes
from tests.simulation.network import LostError, Network

PRICES_MICRO = 40_000, 20_000
REFUSED_WORD, FAILING_WORD = "forbidden", "unlucky"


@dataclass
class PlayedTask:
    """A task, as its provider sees it; a failed one is not billed."""

    id: str
    provider: str
    job_id: str
    fields: Mapping[str, str]
    content: bytes
    made_s: float
    ready_s: float
    fails: bool
    price_micro: int
    is_billed: bool = True


@dataclass
class Ledger:
    """Tasks of all providers. An order that is paid for twice is a violation."""

    loop: Loop
    random: Random
    violate: Callable[[str], None]
    may_order: Callable[[str], None]
    """Told of each order that is about to leave."""
    tasks: dict[str, PlayedTask] = field(default_factory=dict[str, PlayedTask])
    by_job: dict[str, list[PlayedTask]] = field(
        default_factory=lambda: defaultdict[str, list[PlayedTask]](list)
    )

    def order(
        self, asked: "PlayedProvider", order: GenerationRequest, fields: Mapping[str, str]
    ) -> PlayedTask:
        """Accept an order. Raises ProviderError."""
        provider, is_keyed = asked.name, asked.recovery is Recovery.REPEAT
        if not asked.has_credit:
            raise ProviderError(Kind.NO_CREDIT, "402")
        if REFUSED_WORD in order.prompt:
            sometimes("provider: an order is refused")
            raise ProviderError(Kind.MODERATED, "not this")
        known = [each for each in self.by_job[order.job_id] if each.provider == provider]
        if is_keyed and known:
            sometimes("provider: an order is repeated under its key")
            return known[0]
        name = f"t{len(self.tasks) + 1}"
        took_s = self.random.choice((0.3, 2.0, 8.0, 20.0)) * self.random.uniform(0.7, 1.3)
        made = PlayedTask(
            name,
            provider,
            order.job_id,
            dict(fields),
            f"picture of {order.job_id} by {name}".encode(),
            self.loop.now_s,
            self.loop.now_s + took_s,
            FAILING_WORD in order.prompt,
            asked.price_micro,
        )
        self.tasks[name] = made
        if any(each.is_billed for each in self.by_job[order.job_id]):
            self.violate(f"order {order.job_id} is paid twice")
        self.by_job[order.job_id].append(made)
        return made

    def charges(self, job_id: str) -> int:
        return sum(each.is_billed for each in self.by_job.get(job_id, ()))


class PlayedProvider(Provider):
    """The adapter in one process of the bot."""

    def __init__(
        self,
        name: str,
        ledger: Ledger,
        network: Network,
        recovery: Recovery,
        *,
        is_searchable: bool = False,
        answers_at_once: bool = False,
        max_concurrent: int = 0,
        price_micro: int = 0,
        has_credit: bool = True,
    ) -> None:
        self.name = name
        self.recovery = recovery
        self.is_searchable = is_searchable
        self.max_concurrent = max_concurrent
        self.has_credit = has_credit
        self.price_micro = price_micro
        self.offers = {each: Capability(f"{name}-1", price_micro) for each in OFFERED}
        self._answers_at_once = answers_at_once
        self._ledger = ledger
        self._network = network

    async def _ask(self, name: str, serve: Callable[[], Any], limit_s: float, lost: Kind) -> Any:
        def answer() -> Any:
            kind = self._network.befalls("provider", "busy", "ill", "crashing")
            if kind == "busy":
                raise ProviderError(Kind.RATE_LIMITED, "429", retry_after_s=2.0)
            if kind == "ill":
                raise ProviderError(Kind.UNAVAILABLE, "503")
            told = serve()
            if kind == "crashing":
                raise ProviderError(lost, "500")
            return told

        try:
            async with asyncio.timeout(limit_s):
                return await self._network.exchange("provider", name, answer)
        except LostError as error:
            kind = Kind.UNAVAILABLE if error.is_refused else lost
            raise ProviderError(kind, "no answer") from error
        except TimeoutError as error:
            raise ProviderError(lost, "no answer in time") from error

    async def upload(self, order: GenerationRequest) -> GenerationRequest:
        for each in order.pictures:
            content = each.read_bytes()
            if not content.startswith((b"photo", b"picture")):
                self._ledger.violate(f"{order.job_id} uploads {content[:20]!r}")
        if order.pictures:
            await self._ask("upload", lambda: None, 30, Kind.UNAVAILABLE)
        return order

    async def submit(self, order: GenerationRequest) -> Accepted | Done:
        fields = await self.fields_of(order)
        self._ledger.may_order(order.job_id)
        task = await self._ask(
            "submit", lambda: self._ledger.order(self, order, fields), 120, Kind.SUBMIT_UNKNOWN
        )
        if not self._answers_at_once:
            return Accepted({"id": task.id})
        if task.fails:
            task.is_billed = False
            raise ProviderError(Kind.FAILED, "failed", is_billed=False)
        replace_file(order.target, task.content)
        return Done((Output(path=str(order.target)),))

    async def look_up(self, job_id: str) -> Ticket | None:
        if self.recovery is not Recovery.LOOK_UP:
            return await super().look_up(job_id)

        def find() -> Ticket | None:
            known = [each for each in self._ledger.by_job[job_id] if each.provider == self.name]
            sometimes(f"provider: an order is {'found' if known else 'not found'}")
            return {"id": known[-1].id} if known else None

        return await self._ask("look_up", find, 30, Kind.UNAVAILABLE)

    async def fields_of(self, order: GenerationRequest) -> Mapping[str, str]:
        # Without the seed, the tasks of variants could be taken for one another.
        return {
            "prompt": order.prompt,
            "operation": order.operation.value,
            "seed": str(order.seed),
        }

    async def search(
        self, operation: Operation, fields: Mapping[str, str], since_ms: int, model: str = ""
    ) -> Sequence[Ticket]:
        def find() -> list[Ticket]:
            return [
                {"id": each.id}
                for each in self._ledger.tasks.values()
                if each.provider == self.name
                and each.fields == fields
                and each.ready_s <= self._network.loop.now_s
            ]

        return await self._ask("search", find, 30, Kind.UNAVAILABLE)

    async def poll(self, ticket: Ticket) -> Pending | Done:
        def look() -> Pending | Done:
            task = self._task(ticket)
            if self._network.loop.now_s < task.ready_s:
                return Pending()
            if task.fails:
                task.is_billed = False
                raise ProviderError(Kind.FAILED, "failed", is_billed=False)
            return Done((Output(url=f"https://pictures.invalid/{task.id}"),))

        return await self._ask("poll", look, 30, Kind.UNAVAILABLE)

    def _task(self, ticket: Ticket) -> PlayedTask:
        found = self._ledger.tasks.get(str(ticket["id"]))
        if found is None:
            raise ProviderError(Kind.LOST, "unknown")
        return found

    async def fetch(self, output: Output, target: Path) -> None:
        if output.path:
            copy_file(output.path, target)
            return
        task = self._task({"id": output.url.rpartition("/")[2]})
        content = await self._ask("fetch", lambda: task.content, 120, Kind.UNAVAILABLE)
        replace_file(target, content)

    async def cancel(self, ticket: Ticket) -> Cancelled:
        return await self._ask("cancel", lambda: Cancelled.TOO_LATE, 30, Kind.UNAVAILABLE)
