"""Components: what the handlers use, and the operator's rules of access."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from imgbot.bot.chat_model import ChatModel
from imgbot.bot.context import RequestContext
from imgbot.bot.messages import BotIdentity
from imgbot.domain.errors import UserError
from imgbot.domain.operations import ACTIONS, Operation
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
from imgbot.storage.stats import QueueStats
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import Messenger

_SMALLEST_SCALE = 2


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """Access rules of the operator: admitted users and groups by id, and the engine."""

    allowed: frozenset[int]
    admins: frozenset[int]
    has_builtin_engine: bool
    price_of: Callable[[Operation, int], int]
    """Price of a picture at a scale, in micro-dollars."""

    @property
    def least_price_micro(self) -> int:
        """Price of the cheapest picture that is not free, in micro-dollars; 0 if all are free."""
        prices = (self.price_of(operation, _SMALLEST_SCALE) for operation in ACTIONS)
        return min(filter(None, prices), default=0)

    def admits(self, *ids: int) -> bool:
        """Return true if this user, or the chat they write in, is admitted."""
        return not self.allowed or not (self.allowed | self.admins).isdisjoint(ids)

    def is_admin(self, user_id: int) -> bool:
        return user_id in self.admins

    def check(self, context: RequestContext) -> None:
        """Raise UserError for a user who is not admitted, or not at present."""
        profile = context.profile
        if profile.is_banned and not self.is_admin(context.user_id):
            raise UserError("banned")
        # That account has an id, but no user who could be admitted.
        if context.is_anonymous:
            raise UserError("anonymous")
        if not (profile.is_allowed or self.admits(context.user_id, context.chat_id)):
            raise UserError("not_allowed", user_id=context.user_id)


@dataclass(frozen=True, slots=True)
class Components:
    """Components of the bot that its handlers use."""

    identity: BotIdentity
    policy: AccessPolicy
    messenger: Messenger
    queue: JobQueue
    results: ResultStore
    users: UserStore
    albums: Albums
    limit: RateLimit
    spend: Spend
    originals: OriginalStore
    access: Access
    broadcasts: Broadcasts
    dead_letters: DeadLetters
    forgetting: Forgetting
    queue_stats: QueueStats
    alerts: AlertStore
    chat_model: ChatModel
    now_ms: Callable[[], int]
    workers: Callable[[], tuple[int, int, int]]
    """Wanted, started and busy workers."""
    resize: Callable[[int], None]
    """Sets the number of workers, within its limits."""
    providers_out: Callable[[], Mapping[str, bool]]
    """Provider → true if it is out of service."""
    makers: tuple[tuple[str, str], ...]
    """Name and country code, if known, of each service that pictures are ordered from."""
    forget_after_days: int
    """Days of silence after which users are forgotten; 0 never."""
    chat_host: str = ""
    """Host of the chat model that is asked about unsure messages, if there is one."""
