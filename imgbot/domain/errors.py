"""Errors by their handling: report to the user, retry, give up, stop."""

import errno
from enum import StrEnum
from functools import partial

EX_CONFIG = 78
"""sysexits.h EX_CONFIG: the configuration is wrong; systemd does not restart on it."""

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""OSError numbers for a full disk; steps that need space wait until there is some."""


class ImgbotError(Exception):
    """Base class of all errors that imgbot raises itself."""

    exit_status = 1
    """With which a command of the operator ends that raises it."""


def flatten(error: BaseException) -> list[BaseException]:
    """Return the error itself, or all errors in a group, at any depth."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in flatten(inner)]
    return [error]


class UserError(ImgbotError):
    """Error reported to the user by the sentence `reason` of the texts; nothing is retried.

    `facts` fill the sentence. Survives pickling, as it comes out of worker processes.
    """

    def __init__(self, reason: str, **facts: str | int | float) -> None:
        super().__init__(reason, facts)
        self.reason = reason
        self.facts = facts

    def __reduce__(self) -> tuple[object, ...]:
        return partial(UserError, self.reason, **self.facts), ()


class TransientError(ImgbotError):
    """Step failed without effect; it is retried, after `retry_after_s` if set."""

    def __init__(self, what: str, retry_after_s: float | None = None) -> None:
        super().__init__(what)
        self.retry_after_s = retry_after_s


class UnresolvedNameError(TransientError):
    """Host name that cannot be looked up."""


class FloodWaitError(TransientError):
    """Flood limit of Telegram, which asks for a delay; it is logged already."""


class RateLimitedError(TransientError):
    """The user's requests are used up for a moment, which the bot waits out for them."""


class StorageUnavailableError(TransientError):
    """Redis is unavailable: what depends on it stays unchanged until it is back."""


class StorageFullError(StorageUnavailableError):
    """Redis is at its memory limit: it answers, but rejects writes."""


class WorkerLostError(ImgbotError):
    """Worker lost twice in one image step; `reason` is how the last one ended: killed or hung."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what}: {reason}")
        self.reason = reason


class ChatGoneError(ImgbotError):
    """Chat is unreachable: bot blocked or kicked, chat or account deleted."""


class ChatMovedError(ImgbotError):
    """Group became a supergroup, now `chat_id`; its old messages are out of reach."""

    def __init__(self, chat_id: int) -> None:
        super().__init__("the group became a supergroup")
        self.chat_id = chat_id


class MessageGoneError(ImgbotError):
    """Message to edit was deleted, or can no longer be edited by the bot."""


class TelegramRefusedError(ImgbotError):
    """Permanent rejection by Telegram; its text gives the reason (it holds no secret)."""


class PictureShownError(TelegramRefusedError):
    """Message whose text was to be edited is a picture already."""


class StaleJobError(ImgbotError):
    """Job was ended or moved by another task; the task that held it stops."""


class FencedError(ImgbotError):
    """Another supervisor took the queue over; this one must stop without a further write."""


class ConfigError(ImgbotError):
    """Configuration error: the operator has to change `setting`; the process exits with 78."""

    exit_status = EX_CONFIG

    def __init__(self, setting: str, sentence: str, *, is_missing: bool = False) -> None:
        super().__init__(f"{setting}: {sentence}")
        self.setting = setting
        self.is_missing = is_missing
        self.sentence = sentence


UNRELATED = (TransientError, FencedError, ConfigError, ChatGoneError)
"""Errors that are not the request's fault: it is handled again later, or by another supervisor."""


class ProviderErrorKind(StrEnum):
    """Kind of a provider's error, by which the runner decides about the job."""

    AUTH = "auth"
    NO_CREDIT = "no_credit"
    NOT_FOUND = "not_found"  # the provider knows neither the address nor the model of an order
    INVALID = "invalid"
    UNSUITABLE = "unsuitable"  # the request was accepted, its pictures are unsuitable
    MODERATED = "moderated"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"
    LOST = "lost"  # the provider does not know the task, or no longer
    EXPIRED = "expired"  # the picture was made, and is no longer available
    TOO_HEAVY = "too_heavy"  # the picture was made, and its file exceeds every limit
    SUBMIT_UNKNOWN = "submit_unknown"


class ProviderError(ImgbotError):
    """Error or unintelligible response of a provider.

    `is_billed` is None if the provider does not say.
    """

    def __init__(
        self,
        kind: ProviderErrorKind,
        detail: str = "",
        *,
        retry_after_s: float | None = None,
        is_billed: bool | None = None,
    ) -> None:
        super().__init__(f"{kind}: {detail[:200]}")
        self.kind = kind
        self.retry_after_s = retry_after_s
        self.is_billed = is_billed
