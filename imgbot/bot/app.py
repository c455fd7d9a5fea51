"""App: stores and rules that the handlers use, built once; each reaches it by its dialogue."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from imgbot.bot.commands import CommandTable
from imgbot.bot.context import NowMs
from imgbot.bot.messages import BotIdentity
from imgbot.bot.policy import AccessPolicy
from imgbot.domain.job import InputPhoto, Request
from imgbot.domain.operations import Operation
from imgbot.painter.originals import OriginalStore
from imgbot.storage.forgetting import Forgetting
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.rate_limit import RateLimit
from imgbot.storage.results import ResultStore
from imgbot.storage.spend import Spend
from imgbot.storage.stats import QueueStats
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import Messenger


@dataclass(frozen=True, slots=True)
class OrderRule:
    """Rule of a feature for requests, before their jobs are stored; pure."""

    photos: Callable[[Operation, str, InputPhoto], tuple[InputPhoto, ...]] = (
        lambda _operation, _prompt, photo: (photo,)
    )
    """Photos that are ordered for the one that a prompt is about."""
    may_become: Callable[[Request], Sequence[Operation]] = lambda _: ()
    """Operations that a request with several photos may turn out to ask for; the dearest is what
    is held."""
    is_prompt: Callable[[str], bool] = lambda _: False
    """True for words that ask for something only where the photo comes with another one."""

    def takes_another(self, operation: Operation, prompt: str, photo: InputPhoto | None) -> bool:
        """Return true if another photo is ordered with the one that the prompt is about."""
        return photo is not None and len(self.photos(operation, prompt, photo)) > 1


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
