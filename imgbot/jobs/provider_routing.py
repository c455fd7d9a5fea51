"""Choice of a provider for each submit, with a circuit breaker for each.

The fallback is for a provider that refuses service before a task exists. An order that may have
been accepted stays where it is, and one refused by moderation is not tried elsewhere.
"""

import itertools
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from imgbot.domain.errors import ProviderError, ProviderErrorKind
from imgbot.domain.job import Job
from imgbot.domain.operations import OPERATIONS, Operation
from imgbot.domain.order_pace import HOPELESS, Breaker, OrderPace, Turn
from imgbot.providers.protocol import Capability, Provider, service_of
from imgbot.telemetry.health import ProviderState

BUILTIN = "builtin"

REFUSES_SERVICE = frozenset(
    {
        ProviderErrorKind.AUTH,
        ProviderErrorKind.NO_CREDIT,
        ProviderErrorKind.NOT_FOUND,
        ProviderErrorKind.UNAVAILABLE,
    }
)
"""Refusals that say nothing about the order: another provider may accept it."""

_RECENT_S, _MOST_SENT = 10.0, 1000


@dataclass(frozen=True, slots=True)
class Choice:
    """The provider for a submit; without one, `wait_s` until one may serve."""

    provider: Provider | None
    wait_s: float = 0.0
    is_permanent: bool = False
    """True if no provider will serve before the operator has resolved something."""


class ProviderRouter:
    """Providers by name, the one chosen for each operation, and their circuit breakers."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        chosen: Mapping[Operation, str],
        fallback: str = "",
        stored: Mapping[str, str] | None = None,
    ) -> None:
        """`stored` are other names under which orders may be stored, with today's."""
        self._providers = dict(providers)
        self._stored = dict(stored or {})
        self._servers = {
            name: [each for each in providers if service_of(each) == service_of(name)]
            for name in providers
        }
        """Names of all servers of the same provider, by the name of each."""
        self._chosen = dict(chosen)
        self._fallbacks = [fallback] if fallback else []
        self._breakers = {name: Breaker() for name in providers}
        self._paces = {name: OrderPace(each.order_limit) for name, each in providers.items()}
        self._missing = set[tuple[str, Operation, str]]()
        """Provider, operation and model of orders whose address or model it does not know."""
        self._resumed = set[str]()
        self._sent = {name: deque[float](maxlen=_MOST_SENT) for name in providers}
        """Times of the latest orders."""
        self.on_recovery: Callable[[], None] = lambda: None
        """Called when a provider serves again: what waits for it may go on."""

    def add(self, servers: Sequence[Provider]) -> None:
        """Add a provider that gets no orders, with all of its servers, for those under way."""
        names = [each.name for each in servers]
        for server in servers:
            name = server.name
            self._providers[name], self._servers[name] = server, names
            self._breakers[name], self._paces[name] = Breaker(), OrderPace(server.order_limit)
            self._sent[name] = deque(maxlen=_MOST_SENT)

    @property
    def providers(self) -> list[Provider]:
        return list(self._providers.values())

    @property
    def urls(self) -> list[str]:
        """Base URLs of all providers."""
        return [url for each in self._providers.values() for url in each.urls]

    @property
    def services(self) -> list[list[Provider]]:
        """Providers, each with all of its servers."""
        return [[self._providers[each] for each in names] for names in self._servers.values()]

    @property
    def names(self) -> list[str]:
        return list(self._providers)

    @property
    def makers(self) -> tuple[tuple[str, str], ...]:
        """Name and country code of each service that orders go to; none is on this server."""
        names = dict.fromkeys((*self._chosen.values(), *self._fallbacks))
        used = [self._providers[name] for name in names if name != BUILTIN]
        return tuple((each.vendor or service_of(each.name), each.country) for each in used)

    def get(self, name: str) -> Provider | None:
        """Provider of that name; None if it is no longer configured."""
        return self._providers.get(name) or self._providers.get(self._stored.get(name, ""))

    def primary(self, operation: Operation) -> Provider:
        """Provider chosen for an operation."""
        return self._providers[self._chosen[operation]]

    def is_offered(self, operation: Operation) -> bool:
        """Return false for an operation that nobody has a model for, not even the engine."""
        return operation in self.primary(operation).offers

    def provider_of(self, job: Job) -> Provider:
        """Provider that accepted the job's order, else the one chosen for its operation."""
        return self.get(job.progress.provider) or self.primary(job.request.operation)

    def is_orphaned(self, job: Job) -> bool:
        """True if the job was submitted to a provider that is no longer configured."""
        name = job.progress.provider
        return bool(job.progress.submit_ms and name) and self.get(name) is None

    def kind_of(self, job: Job) -> str:
        """Key under which the job's duration is learned: provider, operation and model."""
        return ".".join(_ordered(self.provider_of(job), job))

    def models(self, operation: Operation) -> Mapping[str, Capability]:
        """Models that users may choose for an operation, by their ids, the usual one first."""
        provider = self.primary(operation)
        usual = provider.offers[operation]
        offered = provider.models.get(operation, {}).items()
        others = {name: each for name, each in offered if provider.admits(each, usual)}
        return {usual.model: usual} | others

    def model_of(self, job: Job, provider: Provider) -> str:
        """Model that was ordered, else the one that the user chose; empty for the usual one."""
        progress, operation, chosen = job.progress, job.request.operation, job.request.model
        is_ordered = progress.submit_ms and progress.provider
        if not is_ordered or operation not in provider.offers:
            return "" if self.is_fallback(operation, provider.name) else chosen
        return progress.order_model

    def title_of(self, operation: Operation, model: str) -> str:
        """Return the title by which users know a model; its id where no provider has it."""
        able = (each for each in self._providers.values() if operation in each.offers)
        offers = (each.offer(operation, model) for each in able)
        return next((each.title for each in offers if each.model == model and each.title), model)

    def price_micro(self, operation: Operation, scale: int, model: str = "") -> int:
        """Highest price of an order in micro-dollars at any of its providers; 0 without one."""
        if not self.is_offered(operation):
            return 0
        able = (self._providers[name] for name in self._able(operation))
        return max(provider.offer(operation, model).price_at(scale) for provider in able)

    def _able(self, operation: Operation) -> list[str]:
        """Names of the providers that may accept an order, the chosen one first."""
        able = (name for name in self._fallbacks if operation in self._providers[name].offers)
        # Of several servers one that has failed is first, should a trial of it be due.
        servers = (
            sorted(self._servers[name], key=lambda each: not self._breakers[each].is_open)
            for name in (self._chosen[operation], *able)
        )
        return list(dict.fromkeys(itertools.chain.from_iterable(servers)))

    def _taker(self, operation: Operation) -> str:
        """Name of the provider that gets orders, silent or not; empty while all refuse service."""
        out = {name for name, lacking, _ in self._missing if lacking == operation}
        able = (name for name in self._able(operation) if not self._breakers[name].is_open)
        return next((name for name in able if name not in out), "")

    def choose(self, operation: Operation, refused_by: str, now_s: float) -> Choice:
        """Choose a provider; the one named `refused_by` has just refused service."""
        # The one that has just refused comes last.
        names = sorted(self._able(operation), key=lambda name: name == refused_by)
        waits: list[float] = []
        for name in names:
            wait_s = self._breakers[name].wait_s(now_s)
            if not wait_s:
                return Choice(self._providers[name])
            waits.append(wait_s)
        reasons = {self._breakers[name].reason for name in names}
        return Choice(None, min(waits), is_permanent=reasons <= HOPELESS)

    def least_busy(
        self, provider: Provider, refused_by: str, count: Callable[[str], int]
    ) -> Provider:
        """Return the server of a chosen provider that has the fewest tasks, by `count`."""
        if self._breakers[provider.name].is_open:
            # This order finds out whether it serves again.
            return provider
        names = self._servers[provider.name]
        able = [each for each in names if each != refused_by and not self._breakers[each].is_open]
        return self._providers[min(able, key=count, default=provider.name)]

    def may_hurry(self, operation: Operation, name: str, tries: int) -> bool:
        """True if the next provider may be asked without a pause after a refusal."""
        servers = len(self._servers[name])
        has_untried = servers == 1 or (tries + 1) % servers > 0
        return has_untried and not self.is_fallback(operation, name)

    def other(self, operation: Operation, name: str) -> bool:
        """True if another provider than `name` could accept an order."""
        return bool(set(self._able(operation)) - {name})

    def is_fallback(self, operation: Operation, name: str) -> bool:
        return name not in self._servers[self._chosen[operation]]

    def is_resumed(self, name: str) -> bool:
        """Return true if it is known what an earlier process has learned of a provider's pace."""
        return name in self._resumed

    def resume(self, name: str, reduced: tuple[float, float] | None, now_s: float) -> None:
        """Go on at the pace that an earlier process was reduced to, at so many seconds' age."""
        if reduced and name not in self._resumed:
            self._paces[name] = self._paces[name].resumed(*reduced, now_s)
        self._resumed.add(name)

    def turn(self, name: str, now_s: float, held: Turn | None = None) -> Turn:
        """Turn of an order at a provider; `held` is the one it has waited for."""
        self._paces[name], turn = self._paces[name].with_turn(now_s, held)
        if turn.is_taken and turn.at_s <= now_s:
            self._sent[name].append(now_s)
        return turn

    def slow_down(
        self, name: str, sent_s: float, now_s: float, retry_after_s: float | None
    ) -> float | None:
        """Note that a provider refused an order for now; return its limit if that is reduced."""
        recent = sum(sent_s - _RECENT_S < each_s <= sent_s for each_s in self._sent[name])
        self._paces[name] = pace = self._paces[name].after_refusal(
            now_s,
            sent_s=sent_s,
            recent_per_s=recent / _RECENT_S,
            retry_after_s=retry_after_s,
        )
        return pace.per_s(now_s) if pace.reduced_s == now_s else None

    def record_success(self, name: str, job: Job) -> None:
        """Record an accepted order: the provider serves."""
        self._missing.discard(_ordered(self._providers[name], job))
        if self._breakers[name].succeeded():
            self.on_recovery()

    def record_refusal(
        self, name: str, job: Job, kind: ProviderErrorKind, now_s: float, asked_s: float = 0.0
    ) -> bool:
        """Record a refused order; True if the provider, or its model, is out from now on."""
        breaker = self._breakers[name]
        if kind is ProviderErrorKind.NOT_FOUND:
            # Its other models may serve.
            count = len(self._missing)
            self._missing.add(_ordered(self._providers[name], job))
            return len(self._missing) > count
        if kind in REFUSES_SERVICE or kind is ProviderErrorKind.SUBMIT_UNKNOWN:
            return breaker.failed(kind, now_s, asked_s)
        # An answer about the order itself is service.
        if kind is not ProviderErrorKind.RATE_LIMITED:
            breaker.succeeded()
        return False

    @contextmanager
    def asking(self, name: str) -> Generator[None]:
        """Record whether a call of a provider, a submit or a poll, is answered at all."""
        begun_s = time.monotonic()
        try:
            yield
        except ProviderError as error:
            self._note_call(name, error.kind, begun_s)
            raise
        self._note_call(name, None, begun_s)

    def _note_call(self, name: str, kind: ProviderErrorKind | None, begun_s: float) -> None:
        if self._breakers[name].note_call(kind, begun_s, time.monotonic()):
            self.on_recovery()

    async def aclose(self) -> None:
        """Close all connections."""
        for provider in self._providers.values():
            await provider.aclose()

    def states(self, now_s: float) -> Mapping[str, ProviderState]:
        """State of each provider, and what nobody serves while it is out."""
        refusals = {name: each.trouble(now_s) for name, each in self._breakers.items()}
        takers = {operation: self._taker(operation) for operation in self._chosen}
        unserved = [each for each, taker in takers.items() if not taker or refusals[taker]]
        lacking = {name: ProviderErrorKind.NOT_FOUND for name, _, _ in self._missing}
        return {
            name: ProviderState(
                refusal or lacking.get(name),
                self._breakers[name].is_proven,
                (lost := self._unserved_of(name, unserved)),
                any(not takers[each] and self._has_spare(each) for each in lost),
                self._paces[name].held_per_s(now_s),
            )
            for name, refusal in refusals.items()
        }

    def _unserved_of(self, name: str, unserved: Sequence[Operation]) -> tuple[Operation, ...]:
        return tuple(each for each in unserved if name in self._able(each))

    def _has_spare(self, operation: Operation) -> bool:
        """Return true if the engine could stand in for an operation, and does not yet."""
        return not OPERATIONS[operation].needs_model and BUILTIN not in self._able(operation)

    def fall_back(self) -> bool:
        """Let the built-in engine stand in from now on; False if it does already."""
        is_new = BUILTIN not in self._fallbacks
        if is_new:
            self._fallbacks.append(BUILTIN)
        return is_new

    def try_now(self, name: str, now_s: float) -> bool:
        """Let the next order be the probe of a provider; False if nothing keeps it from that."""
        breaker = self._breakers.get(name)
        if breaker is None or not breaker.is_open or now_s >= breaker.until_s:
            return False
        breaker.until_s = now_s
        return True


def _ordered(provider: Provider, job: Job) -> tuple[str, Operation, str]:
    operation = job.request.operation
    is_able = operation in provider.offers
    model = provider.offer(operation, job.request.model).model if is_able else ""
    return provider.name, operation, model[:100]
