"""Pre-registration of all metric series whose labels are known in advance.

`increase()` misses the first event of a series that appears with it, and so do the alerts.
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
"""Bot API methods in use."""

CODES = ("ok", "400", "401", "403", "409", "429", "5xx", "network", "other")
"""Outcomes of a Bot API call."""

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
"""Metrics with the possible values of their labels."""


def preregister(providers: Iterable[str]) -> None:
    """Create all known series, including those of these providers."""
    # Redis has answered, or the program would not be here.
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
