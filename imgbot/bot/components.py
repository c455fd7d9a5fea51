"""Components: what wiring builds for the handlers, and the call that gives them what they name."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from functools import cache, partial
from inspect import signature
from typing import Any

from imgbot.bot.chat_model import ChatModel
from imgbot.bot.context import NowMs
from imgbot.bot.handlers.admin.access import Targets
from imgbot.bot.handlers.admin.remedies import Remedies
from imgbot.bot.handlers.admin.reports import StatsSources
from imgbot.bot.handlers.privacy import Makers
from imgbot.bot.messages import BotIdentity
from imgbot.bot.policy import AccessPolicy
from imgbot.bot.requests import RequestService
from imgbot.imaging.originals import OriginalStore
from imgbot.storage.access import Access
from imgbot.storage.albums import Albums
from imgbot.storage.alerts import AlertStore
from imgbot.storage.broadcasts import Broadcasts
from imgbot.storage.dead_letters import DeadLetters
from imgbot.storage.forgetting import Forgetting
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.rate_limit import RateLimit
from imgbot.storage.results import ResultStore
from imgbot.storage.spend import Spend
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import Messenger


@dataclass(frozen=True, slots=True)
class Components:
    """Components by the names under which handlers receive them; no handler gets this record."""

    identity: BotIdentity
    policy: AccessPolicy
    messenger: Messenger
    requests: RequestService
    queue: JobQueue
    results: ResultStore
    users: UserStore
    albums: Albums
    limit: RateLimit
    spend: Spend
    originals: OriginalStore
    access: Access
    targets: Targets
    broadcasts: Broadcasts
    dead_letters: DeadLetters
    forgetting: Forgetting
    alerts: AlertStore
    remedies: Remedies
    stats: StatsSources
    chat_model: ChatModel
    now_ms: NowMs
    makers: Makers
    forget_after_days: int
    """Days of silence after which users are forgotten; 0 never."""
    chat_host: str = ""
    """Host of the chat model that is asked about unsure messages, if there is one."""


_NAMES = frozenset(field.name for field in fields(Components))


async def call(
    handler: Callable[..., Awaitable[Any]], *arguments: Any, components: Components
) -> Any:
    """Call a handler with the arguments, and with the components that its parameters name.

    What it returns is the answer, or a handler of the last argument, the dialogue, for the rest.
    """
    function: Callable[..., Any] = handler
    while isinstance(function, partial):
        function = function.func
    named = {name: getattr(components, name) for name in _names_in(function)}
    answer = await handler(*arguments, **named)
    return await call(answer, arguments[-1], components=components) if callable(answer) else answer


@cache
def _names_in(function: Callable[..., Any]) -> frozenset[str]:
    return _NAMES.intersection(signature(function).parameters)
