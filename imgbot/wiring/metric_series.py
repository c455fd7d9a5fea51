"""Every series that can be known before anything happens, made to exist from the start.

A counter that appears with its first event is missed by `increase()`, and so by the alerts.
"""

from collections.abc import Iterable
from itertools import product

from prometheus_client import Counter, Gauge, Histogram

from imgbot.domain.errors import ProviderErrorKind
from imgbot.domain.operations import ACTIONS, Operation
from imgbot.telemetry import metrics
from imgbot.telemetry.events import QUEUE, UPDATE_TYPES

METHODS = (
    *("getUpdates", "getMe", "getFile", "deleteWebhook", "sendChatAction"),
    *("sendMessage", "copyMessage", "sendPhoto", "sendDocument", "sendMediaGroup"),
    *("editMessageText", "editMessageMedia", "answerCallbackQuery", "answerInlineQuery"),
    *("setMyCommands", "setMyDescription", "setMyShortDescription"),
)
"""What the bot calls of the Bot API."""

CODES = ("ok", "400", "401", "403", "409", "429", "5xx", "network", "other")
"""How a call of the Bot API can end."""

_KNOWN: tuple[tuple[Counter | Gauge | Histogram, tuple[Iterable[str], ...]], ...] = (
    (metrics.updates, (UPDATE_TYPES,)),
    (metrics.enqueued, (Operation,)),
    (metrics.finished, (Operation, ("ok", "failed", "rejected", "cancelled"))),
    (metrics.duration, (Operation,)),
    (metrics.wait, (Operation,)),
    (metrics.stage, (("prepare", "submit", "provider", "render", "deliver"),)),
    (metrics.queue, ((QUEUE,), ("waiting", "running", "dead"))),
    (metrics.workers, (("wanted", "started", "busy"),)),
    (metrics.restarts, (("killed", "hung", "cancelled", "recycled", "memory"),)),
    (metrics.admissions, (("full", "many", "paused", "budget", "user_budget"),)),
    (metrics.calls, (METHODS, CODES)),
    (metrics.call_time, (METHODS,)),
    (metrics.limited, (METHODS,)),
    (metrics.hooks, (("taken", "late", "forged"),)),
    (metrics.mended, (("stray", "lost", "reservation"),)),
)
"""Each metric with the values that its labels can have."""


def preregister(providers: Iterable[str]) -> None:
    """Make the series of these providers, and all others that are known, exist."""
    # It has answered, or the program would not be here.
    metrics.redis_up.set(1)
    names = tuple(providers)
    for name in names:
        metrics.provider_up.labels(name).set(1)
    of_providers = (
        (metrics.spend, (names, ACTIONS)),
        (metrics.provider_time, (names, ACTIONS)),
        (metrics.provider_errors, (names, ProviderErrorKind)),
    )
    for metric, values in (*_KNOWN, *of_providers):
        for labels in product(*values):
            metric.labels(*labels)
