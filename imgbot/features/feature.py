"""Record by which a feature enters the bot, and what it is built from."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from aiogram import Bot
from aiogram.types import Message

from imgbot.bot.commands import ChatCommand, HandledAction
from imgbot.bot.context import NowMs
from imgbot.bot.dialogue import Additions, Dialogues, MessageHandler
from imgbot.bot.handlers.account import AccountHandlers
from imgbot.bot.handlers.operations import OperationHandlers
from imgbot.bot.handlers.start import GeneralHandlers
from imgbot.bot.messages import BotIdentity
from imgbot.bot.pictures import Pictures
from imgbot.bot.policy import AccessPolicy
from imgbot.bot.requests import Requests
from imgbot.bot.router import FeatureUpdates, KeptHandler, MessageRoute
from imgbot.config.settings import FeatureSettings, Settings
from imgbot.jobs.hooks import Hooks, PhotoCheck
from imgbot.jobs.provider_routing import ProviderRouter
from imgbot.painter.originals import OriginalStore
from imgbot.painter.pool import Pool
from imgbot.providers.chat import ChatClient
from imgbot.storage.client import Client
from imgbot.storage.forgetting import Forgetting
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.keys import Owners
from imgbot.storage.spend import Spend
from imgbot.telegram.messenger import Messenger
from imgbot.telemetry.health import HealthFacts

AboutUser = Callable[[int, str], Awaitable[list[str]]]
"""Returns lines about a user, by id and language, for administrators."""


@dataclass(frozen=True, slots=True)
class PrivacyNote:
    """Sentence of a feature on what it keeps, or to whom it sends what."""

    key: str
    """Key of its text; `recipient` is a fact of it."""
    recipient: str = ""
    """Name of a service that is sent something of users; empty for none."""
    is_kept: bool = False
    """True for what /forget_me does not delete."""


@dataclass(frozen=True, slots=True)
class Core:
    """Parts of the core that features are built from."""

    settings: Settings
    redis: Client
    """Stores are built from it: those of the core as `UserStore(core.redis)`."""
    queue: JobQueue
    bot: Bot
    identity: BotIdentity
    messenger: Messenger
    policy: AccessPolicy
    spend: Spend
    forgetting: Forgetting
    pool: Pool
    originals: OriginalStore
    routes: ProviderRouter
    is_clock_sure: Callable[[], bool]
    """While it is false, nothing may be deleted for its age."""
    measure: Callable[[], Awaitable[HealthFacts]]
    """Measures the service now. Raises StorageUnavailableError."""
    alarm: asyncio.Event
    """Set when something may be wrong that was not a moment ago."""
    now_ms: NowMs
    requests: Requests
    pictures: Pictures
    operations: OperationHandlers
    account: AccountHandlers
    general: GeneralHandlers
    chat: ChatClient
    """Chat server of the operator, which may be off."""
    sight: ChatClient
    """The same for questions about pictures, which its model may not take: it fails by itself."""
    privacy_notes: list[PrivacyNote] = field(default_factory=list)
    about_user: list[AboutUser] = field(default_factory=list)
    """What all features say of privacy and of a user; filled once all are built."""
    photo_checks: list[PhotoCheck] = field(default_factory=list)
    """Hooks on photos, for those that a feature sends elsewhere; filled likewise."""

    text_handlers: list[MessageHandler] = field(default_factory=list)
    """Handler of texts, for a feature that finds words elsewhere; filled likewise."""

    @property
    def chat_host(self) -> str:
        """Host that is sent what the chat model is asked; empty without one."""
        return urlsplit(self.settings.chat.url).hostname or ""


@dataclass(frozen=True, slots=True)
class Intake:
    """Part of a bot that takes updates in, built after its features."""

    dialogues: Dialogues
    caught_up: asyncio.Event
    """Set once the backlog of updates from before the start was taken in."""
    is_busy_with: Callable[[int], bool]
    """True if an update of this chat was taken in and is not handled yet."""


@dataclass(frozen=True, slots=True)
class Seams(Additions):
    """Parts that a feature adds to a bot; each is optional."""

    updates: Mapping[str, FeatureUpdates] = field(default_factory=dict)
    """Handlers of updates that are no requests, by their kind, each of one feature alone."""
    message_routes: Sequence[MessageRoute] = ()
    """Choices before the commands; each returns None for a message that is not its own."""
    words_of: Callable[[Message], Awaitable[str]] | None = None
    """Returns the words of a message without text that a question replies to; of one feature."""
    kept_handlers: Mapping[str, KeptHandler] = field(default_factory=dict)
    """Handlers of a refused request, by a name that is in what the feature keeps of it."""
    commands: Sequence[ChatCommand] = ()
    actions: Sequence[HandledAction] = ()
    about_user: Sequence[AboutUser] = ()
    privacy_notes: Sequence[PrivacyNote] = ()
    """Sentences for /privacy and /forget_me."""
    hooks: Hooks = field(default_factory=Hooks)
    """Hooks in the steps of a job."""
    loops: Sequence[Callable[[], Coroutine[Any, Any, None]]] = ()
    """Loops that run while this bot leads, until they are cancelled."""
    work: Sequence[Callable[[Intake, asyncio.Event, float], Coroutine[Any, Any, None]]] = ()
    """Loops that end by themselves, once the event is set; what is under way then has the seconds
    to end."""


@dataclass(frozen=True, slots=True)
class Feature:
    """Feature as its folder declares it."""

    name: str
    """Name of its folder."""
    build: Callable[[Core], Seams]
    keys: Owners = field(default_factory=dict)
    """Redis keys, each with its owners: /forget_me follows."""
    forget: Callable[[Client, Collection[int]], Awaitable[None]] | None = None
    """Forgets users in the keys whose owner is METHOD."""
    settings: type[FeatureSettings] | None = None
    """Its own settings, which `settings.py` of its folder has."""
