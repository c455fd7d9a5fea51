"""Log of all calls, and of mistakes that Telegram would ignore silently."""

from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

from imgbot.sandbox.api_errors import ApiError
from imgbot.sandbox.events import EventFeed

_KEPT_CALLS = 5_000
_KEPT_VIOLATIONS = 200


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """One answered call."""

    seq: int
    method: str
    ok: bool
    chat_id: int | None = None
    error_code: int | None = None
    description: str | None = None

    def view(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}


class CallLog:
    """Latest calls, a count per method, and the violations; all bounded."""

    def __init__(self, events: EventFeed) -> None:
        self._events = events
        self._calls: deque[LoggedCall] = deque(maxlen=_KEPT_CALLS)
        self._counts: Counter[str] = Counter()
        self._violations: dict[str, None] = {}
        self._seq = 0

    def record(self, method: str, chat_id: str, refusal: ApiError | None) -> None:
        self._seq += 1
        call = LoggedCall(
            seq=self._seq,
            method=method,
            ok=refusal is None,
            chat_id=int(chat_id) if chat_id.removeprefix("-").isdecimal() else None,
            error_code=refusal.code if refusal else None,
            description=refusal.description if refusal else None,
        )
        self._calls.append(call)
        if method in self._counts or len(self._counts) < _KEPT_VIOLATIONS:
            self._counts[method] += 1
        # An idle bot polls forever: its successful polls would push out everything else.
        if refusal or method != "getUpdates":
            self._events.publish("call", **{k: v for k, v in call.view().items() if k != "seq"})

    def violation(self, text: str) -> None:
        """Record a mistake of the bot that Telegram would ignore."""
        if len(self._violations) < _KEPT_VIOLATIONS:
            self._violations[text[:200]] = None

    def view(self) -> dict[str, Any]:
        return {
            "calls": [call.view() for call in self._calls],
            "counts": dict(self._counts),
            "violations": list(self._violations),
        }
