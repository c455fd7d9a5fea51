"""The sandbox's provider: tasks over real HTTP, with delays, faults and a ledger."""

import asyncio
import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from imgbot.errors import ProviderError, ProviderErrorKind
from imgbot.providers.http import HttpDoor
from imgbot.providers.protocol import (
    Accepted,
    Cancelled,
    Done,
    Order,
    Output,
    Pending,
    Recovery,
    Ticket,
)

_ERRORS = {"moderated": ProviderErrorKind.MODERATED}


class SimulatedProvider:
    """Submit, poll, fetch; `recovery` says which of its guarantees to rely on."""

    name = "simulated"
    is_exact = False

    def __init__(self, door: HttpDoor, recovery: Recovery = Recovery.REPEAT) -> None:
        self._door = door
        self.recovery = recovery

    async def submit(self, order: Order) -> Accepted | Done:
        body = {
            "operation": order.operation.value,
            "words": order.words,
            "images": await asyncio.to_thread(_data_uris, order.pictures),
            "scale": order.scale,
            "ratio": order.ratio,
            "seed": order.seed,
            "client_id": order.job_id,
        }
        answer = await self._door.submit("/tasks", body, order.job_id)
        return Accepted({"id": _text(answer, "id", ProviderErrorKind.SUBMIT_UNKNOWN)})

    async def look_up(self, job_id: str) -> Ticket | None:
        answer = await self._door.ask("GET", f"/tasks?client_id={quote(job_id)}")
        tasks = answer.get("tasks")
        if not isinstance(tasks, list) or not tasks:
            return None
        return {"id": _text(tasks[0], "id", ProviderErrorKind.UNAVAILABLE)}

    async def poll(self, ticket: Ticket) -> Pending | Done:
        answer = await self._door.ask("GET", f"/tasks/{quote(str(ticket['id']), safe='')}")
        match answer.get("status"):
            case "succeeded":
                return Done(tuple(Output(url=url) for url in _addresses(answer)))
            case "failed":
                raise _failure(answer.get("error"))
            case _:
                progress = answer.get("progress")
                return Pending(progress if isinstance(progress, float) else None)

    async def fetch(self, output: Output, target: Path) -> None:
        await self._door.fetch(output.url, target)

    async def cancel(self, ticket: Ticket) -> Cancelled:
        path = f"/tasks/{quote(str(ticket['id']), safe='')}/cancel"
        answer = await self._door.ask("POST", path)
        is_cancelled = answer.get("status") == "cancelled"
        return Cancelled.ACCEPTED if is_cancelled else Cancelled.TOO_LATE

    async def aclose(self) -> None:
        await self._door.aclose()


def _data_uris(paths: tuple[Path, ...]) -> list[str]:
    return [_data_uri(path) for path in paths]


def _data_uri(path: Path) -> str:
    kind = "png" if path.suffix == ".png" else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _text(answer: Mapping[str, Any], name: str, kind: ProviderErrorKind) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise ProviderError(kind, f"an answer without {name}")
    return value


def _addresses(answer: Mapping[str, Any]) -> list[str]:
    output = answer.get("output")
    addresses = [url for url in output if isinstance(url, str)] if isinstance(output, list) else []
    if not addresses:
        raise ProviderError(ProviderErrorKind.FAILED, "done without a picture")
    return addresses


def _failure(error: object) -> ProviderError:
    code = error.get("code") if isinstance(error, Mapping) else None
    kind = _ERRORS.get(str(code), ProviderErrorKind.FAILED)
    return ProviderError(kind, str(code), is_billed=False)
