"""Scripted faults: the next calls of a method fail, flood, hang or lose their connection."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from imgbot.aio import sleep_or_event
from imgbot.sandbox.api_errors import ApiError, album_flood, too_many_requests

FaultKind = Literal["error", "flood", "drop_before", "drop_after", "delay", "gateway"]
_MAX_FAULTS = 1_000


@dataclass(slots=True)
class Fault:
    """Fault of the next `times` calls of `method`."""

    method: str
    kind: FaultKind
    times: int = 1
    chat_id: int | None = None
    error_code: int = 500
    description: str = "Internal Server Error"
    parameters: Mapping[str, object] | None = None
    retry_after_s: int = 1
    delay_s: float = 1.0

    def refusal(self, method: str) -> ApiError | None:
        """Return the refusal sent instead of acting, if any."""
        if self.kind == "flood":
            is_album = method.lower() == "sendmediagroup"
            return (album_flood if is_album else too_many_requests)(self.retry_after_s)
        if self.kind == "error":
            return ApiError(self.error_code, self.description, self.parameters)
        return None


class Faults:
    """Pending faults, applied first come, first served."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._cleared = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, fault: Fault) -> None:
        if len(self._waiting) >= _MAX_FAULTS:
            raise ValueError(f"more than {_MAX_FAULTS} faults wait already")
        self._waiting.append(fault)

    def clear(self) -> None:
        """Remove all faults; delayed calls continue at once."""
        self._waiting.clear()
        self._cleared.set()
        self._cleared = asyncio.Event()

    async def delay(self, seconds: float) -> None:
        """Delay a call, at most until the faults are cleared."""
        await sleep_or_event(seconds, self._cleared)

    def take(self, method: str, chat_id: str) -> Fault | None:
        """Return the fault for this call, counted down."""
        for fault in self._waiting:
            is_method = fault.method == "*" or fault.method.lower() == method.lower()
            if is_method and fault.chat_id in {None, _number(chat_id)}:
                fault.times -= 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
                return fault
        return None


def _number(text: str) -> int | None:
    return int(text) if text.removeprefix("-").isdecimal() else 0


def fault_from(script: Mapping[str, Any]) -> Fault:
    """Parse a fault of the control interface; ValueError names the mistake."""
    unknown = set(script) - set(Fault.__dataclass_fields__)
    if unknown:
        raise ValueError(f"unknown fields: {', '.join(sorted(unknown))}")
    if script.get("kind") not in get_args(FaultKind):
        raise ValueError(f"kind must be one of {', '.join(get_args(FaultKind))}")
    fields: dict[str, Any] = {"method": "*"} | dict(script)
    if not isinstance(fields["method"], str) or not isinstance(fields.get("times", 1), int):
        raise ValueError("method must be a name, times a number")  # noqa: TRY004 one for all
    return Fault(**fields)
