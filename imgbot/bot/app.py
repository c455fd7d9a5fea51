"""App: all that the handlers use, built once at the start; each reaches it by its dialogue."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiogram.types import Message

from imgbot.bot.commands import CommandTable
from imgbot.bot.context import NowMs
from imgbot.bot.messages import BotIdentity
from imgbot.bot.policy import AccessPolicy
from imgbot.domain.errors import UserError
from imgbot.domain.intents import ChatFacts, Classification
from imgbot.domain.job import InputPhoto, Request
from imgbot.domain.operations import Operation
from imgbot.domain.texts.buttons import Keyboard, ResultButton
from imgbot.painter.originals import OriginalStore
from imgbot.storage.forgetting import Forgetting
from imgbot.storage.holds import HoldsOf
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.rate_limit import RateLimit
from imgbot.storage.results import ResultStore
from imgbot.storage.spend import Spend
from imgbot.storage.stats import QueueStats
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import Messenger


@dataclass(frozen=True, slots=True)
class OrderRule:
    """What a feature makes of a request before its job is stored; pure."""

    photos: Callable[[Operation, str, InputPhoto], tuple[InputPhoto, ...]] = (
        lambda _operation, _prompt, photo: (photo,)
    )
    """Photos that are ordered for the one that a prompt is about."""
    may_become: Callable[[Request], Sequence[Operation]] = lambda _: ()
    """Operations that the request may turn out to ask for; the dearest is what is held."""
    is_prompt: Callable[[str], bool] = lambda _: False
    """True for words that ask for something only where the photo comes with another one."""

    def takes_another(self, operation: Operation, prompt: str, photo: InputPhoto | None) -> bool:
        """Return true if another photo is ordered with the one that the prompt is about."""
        return photo is not None and len(self.photos(operation, prompt, photo)) > 1


async def _free(*_: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Payment:
    """How users pay a feature; without one, nothing costs them anything."""

    price_of: Callable[[int, Operation, int], str] = lambda *_: ""
    """Price of an order in words, by user, operation and price in micro-dollars; empty for none."""
    receipt: Callable[[int, str], str] = lambda *_: ""
    """Sentence of a receipt on so many units that were paid for a picture, in a language."""
    take: Callable[[Any, int], Awaitable[None]] = _free
    """Takes so many units, such as Stars, from the user of a dialogue, once for its request.

    Raises UserError if they have less.
    """


@dataclass(frozen=True, slots=True)
class App:
    """Stores, rules and controls that the handlers use."""

    identity: BotIdentity
    policy: AccessPolicy
    messenger: Messenger
    queue: JobQueue
    queue_stats: QueueStats
    results: ResultStore
    users: UserStore
    limit: RateLimit
    spend: Spend
    originals: OriginalStore
    forgetting: Forgetting
    now_ms: NowMs
    welcome: str
    """The operator's own words to those who start the bot; empty for none."""
    commands: CommandTable = field(default_factory=CommandTable)
    answers: Mapping[str, Callable[[Message, Any], Awaitable[None]]] = field(
        default_factory=dict[str, Callable[[Message, Any], Awaitable[None]]]
    )
    """Answers of features to questions, by topic, in place of the usual ones."""
    refusal_rows: Mapping[str, Callable[[Any, int, UserError], Keyboard]] = field(
        default_factory=dict[str, Callable[[Any, int, UserError], Keyboard]]
    )
    """Buttons of features under a refusal, by its text's key; see `Seams.refusal_rows`."""
    readers: Sequence[Callable[[Message, Any], Awaitable[bool]]] = ()
    before_order: Sequence[Callable[[Any, Any], Any]] = ()
    settings_rows: Sequence[Callable[[str, int], Keyboard]] = ()
    payment: Payment = Payment()
    prompt_takers: Sequence[Callable[[str, Any], Awaitable[bool]]] = ()
    """Handlers of features for the prompt of a text; each says whether it has taken it."""
    result_buttons: Sequence[ResultButton] = ()
    photo_buttons: Sequence[str] = ()
    decide_unsure: (
        Callable[[int, str, ChatFacts, Classification], Awaitable[Classification]] | None
    ) = None
    """Classifies an unsure text of a user; returns the given classification if it cannot tell."""
    order_rule: OrderRule = OrderRule()
    holds: Sequence[HoldsOf] = ()
