"""Errors by what is done about them: tell, try again, give up, stop."""

import errno
from enum import StrEnum

EX_CONFIG = 78
"""sysexits.h: the configuration is wrong; systemd does not restart on it."""

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Of an OSError: the disk is full; what needs room waits until there is some."""


class ImgbotError(Exception):
    """The root of everything that imgbot raises itself."""


def flatten(error: BaseException) -> list[BaseException]:
    """Return what an error stands for: itself, or all that a group holds, however deep."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in flatten(inner)]
    return [error]


class UserError(ImgbotError):
    """The person is told why, in the sentence `reason` of the texts; nothing is repeated.

    `facts` fill the sentence. Survives pickling, for it comes out of worker processes.
    """

    def __init__(self, reason: str, **facts: str | int | float) -> None:
        super().__init__(reason, facts)
        self.reason = reason
        self.facts = facts

    def __reduce__(self) -> tuple[object, ...]:
        return (_user_error, (self.reason, self.facts))


def _user_error(reason: str, facts: dict[str, str | int | float]) -> UserError:
    return UserError(reason, **facts)


class TransientError(ImgbotError):
    """Nothing happened yet; the same step is tried again, after `retry_after_s` if set."""

    def __init__(self, what: str, retry_after_s: float | None = None) -> None:
        super().__init__(what)
        self.retry_after_s = retry_after_s


class FloodWaitError(TransientError):
    """Telegram asks to wait; it is in the log already."""


class StorageUnavailableError(TransientError):
    """Redis is away: what depends on it stays as it is until it is back."""


class StorageFullError(StorageUnavailableError):
    """Redis answers, and takes nothing new: its memory is at its limit."""


class WorkerLostError(ImgbotError):
    """A picture step lost its worker twice; `reason` says how at last: killed or hung."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what}: {reason}")
        self.reason = reason


class ChatGoneError(ImgbotError):
    """Nobody is there to be told: blocked, deleted, kicked."""


class ChatMovedError(ImgbotError):
    """A group became a supergroup, now `chat_id`; its old messages are out of reach."""

    def __init__(self, chat_id: int) -> None:
        super().__init__("the group became a supergroup")
        self.chat_id = chat_id


class MessageGoneError(ImgbotError):
    """The message to edit was deleted, or is no longer the bot's to edit."""


class TelegramRefusedError(ImgbotError):
    """Telegram will not do this, now or later; its text says why (it holds no secret)."""


class StaleJobError(ImgbotError):
    """The job was ended or moved by somebody else; whoever held it lets go."""


class FencedError(ImgbotError):
    """Another supervisor took the queue over; this one must stop without a further write."""


class ConfigError(ImgbotError):
    """The operator has to change `setting`; the process ends with status 78."""

    def __init__(self, setting: str, sentence: str, *, is_missing: bool = False) -> None:
        super().__init__(f"{setting}: {sentence}")
        self.setting = setting
        self.is_missing = is_missing
        self.sentence = sentence


class ProviderErrorKind(StrEnum):
    """What a provider's refusal means for the job (the runner decides by it)."""

    AUTH = "auth"
    NO_CREDIT = "no_credit"
    INVALID = "invalid"
    UNSUITABLE = "unsuitable"  # the order is understood, its pictures will not do
    MODERATED = "moderated"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"
    LOST = "lost"  # the task is not known there, or no longer
    EXPIRED = "expired"  # the picture was made, and is gone
    TOO_HEAVY = "too_heavy"  # the picture was made, and its file is above all limits
    SUBMIT_UNKNOWN = "submit_unknown"


class ProviderError(ImgbotError):
    """A provider said no, or nothing that can be understood.

    `is_billed` is None where the provider does not say.
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
