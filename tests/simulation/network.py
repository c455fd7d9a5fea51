"""Links between the bot and the world: delays, losses, late arrivals; and kills at a message."""

import asyncio
import contextvars
import functools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from tests.simulation.loop import PROCESS, Loop, Process
from tests.simulation.marks import sometimes

T = TypeVar("T")

_OUTSIDE = contextvars.Context()
_LATEST_S = 8.0


class LostError(Exception):
    """No answer came; `is_refused` if the request cannot have arrived."""

    def __init__(self, *, is_refused: bool = False) -> None:
        super().__init__()
        self.is_refused = is_refused


@dataclass(frozen=True)
class Trouble:
    """Trouble of a link during a time: down, request, answer, slow, late, busy (429) or ill (5xx).

    It befalls that share of the messages.
    """

    link: str
    kind: str
    at_s: float
    lasts_s: float
    share: float = 0.5


@dataclass(frozen=True)
class Kill:
    """The end of a process at the n-th message of that name, some callbacks later.

    The phase is sent, arrived or answered. With a power cut, what is not synced is lost, and in a
    cluster the primary of Redis goes, too.
    """

    name: str
    nth: int
    phase: str
    hops: int = 0
    is_power_cut: bool = False
    frozen_s: float = 0.0
    """It is frozen for so long instead."""


class Network:
    """All links."""

    def __init__(
        self,
        loop: Loop,
        random: Random,
        note: Callable[[str], None],
        kill: Callable[[Process, Kill], None],
    ) -> None:
        self.loop = loop
        self.troubles: list[Trouble] = []
        self.kills: list[Kill] = []
        self.is_calm = False
        """No trouble befalls anything any longer."""
        self.cuts = set[tuple[str, str]]()
        """Hosts of a cluster, from the one to the other: nothing passes."""
        self._random = random
        self._note = note
        self._kill = kill
        self._counts = Counter[tuple[str, str]]()

    def later(self, delay_s: float, act: Callable[..., object], *args: Any) -> None:
        """Act outside of every process."""
        self.loop.call_later(delay_s, act, *args, context=_OUTSIDE)

    def soon(self, hops: int, act: Callable[[], object]) -> None:
        """Act after so many rounds of callbacks."""
        again = (lambda: self.soon(hops - 1, act)) if hops else act
        self.loop.call_soon(again, context=_OUTSIDE)

    def befalls(self, link: str, *kinds: str) -> str:
        """Kind of the trouble that befalls a message now, or nothing."""
        if self.is_calm:
            return ""
        now_s = self.loop.now_s
        for each in self.troubles:
            is_now = each.at_s <= now_s < each.at_s + each.lasts_s
            is_such = each.link == link and each.kind in kinds and is_now
            if is_such and self._random.random() < each.share:
                sometimes(f"{link}: {each.kind}")
                return each.kind
        return ""

    def reaches(self, one: str, other: str) -> bool:
        """Return whether a host gets answers from another."""
        return not {(one, other), (other, one)} & self.cuts

    @property
    def is_untroubled(self) -> bool:
        now_s = self.loop.now_s
        return self.is_calm or not any(e.at_s <= now_s < e.at_s + e.lasts_s for e in self.troubles)

    async def exchange(self, link: str, name: str, serve: Callable[[], T], host: str = "") -> T:
        """Send a request to a host, and wait for the answer.

        Raises LostError and what `serve` raises.
        """
        kind = self.befalls(link, "down", "request", "answer", "slow", "late")
        process = PROCESS.get()
        if process and (process.host, host) in self.cuts:
            kind = "request"
        elif process and (host, process.host) in self.cuts:
            kind = "answer"
        answer: asyncio.Future[T] = self.loop.create_future()
        message = _Message(process, link, name, kind, answer)
        self._count(message, "sent")
        if message.process and message.process.held is not None:
            # It is frozen just before the message leaves.
            await asyncio.sleep(0)
        fail = functools.partial(_settle, answer, LostError(is_refused=kind == "down"))
        if kind in {"down", "request"}:
            self._note(f"{link} {name} lost")
            self.later(self._delay_s(kind), fail)
        elif kind == "late":
            self.later(self._delay_s(kind), fail)
            self.later(self._random.uniform(0, _LATEST_S), self._arrive, message, serve)
        else:
            self.later(self._delay_s(kind), self._arrive, message, serve)
        return await answer

    def _delay_s(self, kind: str) -> float:
        slow_s = self._random.uniform(0, _LATEST_S) if kind == "slow" else 0.0
        return self._random.uniform(0.0005, 0.02) + slow_s

    def _arrive(self, message: "_Message", serve: Callable[[], Any]) -> None:
        told: Any = None
        try:
            told = serve()
        except Exception as error:  # noqa: BLE001 -- it is the answer
            told = error
        fault = f"!{type(told).__name__}" if isinstance(told, Exception) else ""
        self._note(f"{message.link} {message.name} {fault}{message.kind}")
        self._count(message, "arrived")
        if message.kind == "answer":
            told = LostError()
        if message.kind != "late":
            self.later(self._delay_s(message.kind), self._answer, message, told)

    def _answer(self, message: "_Message", told: Any) -> None:
        _settle(message.answer, told)
        self._count(message, "answered")

    def _count(self, message: "_Message", phase: str) -> None:
        process = message.process
        if process is None or self.is_calm:
            return
        for name in (message.name, "any"):
            self._counts[name, phase] += 1
            point = (name, phase, self._counts[name, phase])
            for kill in self.kills:
                if (kill.name, kill.phase, kill.nth) != point:
                    continue
                if kill.frozen_s and phase == "sent":
                    self._kill(process, kill)
                else:
                    self.soon(kill.hops, functools.partial(self._kill, process, kill))


@dataclass(frozen=True)
class _Message:
    """A request under way."""

    process: Process | None
    link: str
    name: str
    kind: str
    """The trouble that befalls it."""
    answer: asyncio.Future[Any]


def _settle(answer: asyncio.Future[Any], told: Any) -> None:
    if answer.done():
        return
    if isinstance(told, Exception):
        answer.set_exception(told)
    else:
        answer.set_result(told)
