"""The sandbox's own provider, with what no real one offers: repeatable and searchable submits."""

import asyncio
import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from imgbot.domain.errors import ProviderError, ProviderErrorKind
from imgbot.domain.operations import ACTIONS, Operation
from imgbot.providers.http import (
    ProviderHttpClient,
    ProviderResponse,
    proves_refusal,
    retry_after_s,
)
from imgbot.providers.protocol import (
    Accepted,
    Cancelled,
    Capability,
    Done,
    GenerationRequest,
    Output,
    Pending,
    Provider,
    ProviderConfig,
    Recovery,
    Ticket,
)
from imgbot.providers.url_policy import Hosts

_KIND = ProviderErrorKind
_ERRORS = {"moderated": _KIND.MODERATED}
_STATUSES = {
    401: _KIND.AUTH,
    402: _KIND.NO_CREDIT,
    404: _KIND.LOST,
    429: _KIND.RATE_LIMITED,
}


class SimulatedProvider(Provider):
    """Client of the simulated provider; `recovery` chooses which of its guarantees to use."""

    name = "simulated"
    is_deterministic = False
    max_concurrent = 0

    def __init__(self, config: ProviderConfig, recovery: Recovery = Recovery.REPEAT) -> None:
        self.recovery = recovery
        self.offers: Mapping[Operation, Capability] = {
            operation: Capability("simulated", config.prices_micro.get(operation, 0))
            for operation in ACTIONS
        }
        self._base_url = config.url
        self._client = ProviderHttpClient(
            Hosts((config.url,), ()),
            {"Authorization": f"Bearer {config.key}"},
            deadlines=config.deadlines,
        )

    async def throttle(self) -> None:
        """Every order is taken at once."""

    async def submit(self, order: GenerationRequest) -> Accepted | Done:
        body = {
            "operation": order.operation.value,
            "words": order.prompt,
            "images": await asyncio.to_thread(_data_uris, order.pictures),
            "scale": order.scale,
            "ratio": order.ratio,
            "seed": order.seed,
            "client_id": order.job_id,
        }
        headers = {"Idempotency-Key": order.job_id}
        url = f"{self._base_url}/tasks"
        answer = await self._client.submit("POST", url, json=body, headers=headers)
        content = _understood(answer, _KIND.SUBMIT_UNKNOWN)
        return Accepted({"id": _text(content, "id", _KIND.SUBMIT_UNKNOWN)})

    async def look_up(self, job_id: str) -> Ticket | None:
        content = await self._ask("GET", f"/tasks?client_id={quote(job_id)}")
        tasks = content.get("tasks")
        if not isinstance(tasks, list) or not tasks:
            return None
        return {"id": _text(tasks[0], "id", _KIND.UNAVAILABLE)}

    async def poll(self, ticket: Ticket) -> Pending | Done:
        content = await self._ask("GET", f"/tasks/{quote(str(ticket['id']), safe='')}")
        match content.get("status"):
            case "succeeded":
                return Done(tuple(Output(url=url) for url in _addresses(content)))
            case "failed":
                raise _failure(content.get("error"))
            case _:
                progress = content.get("progress")
                return Pending(progress if isinstance(progress, float) else None)

    async def fetch(self, output: Output, target: Path) -> None:
        await self._client.fetch(output.url, target)

    async def cancel(self, ticket: Ticket) -> Cancelled:
        path = f"/tasks/{quote(str(ticket['id']), safe='')}/cancel"
        content = await self._ask("POST", path)
        is_cancelled = content.get("status") == "cancelled"
        return Cancelled.ACCEPTED if is_cancelled else Cancelled.TOO_LATE

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _ask(self, method: str, path: str) -> dict[str, Any]:
        answer = await self._client.ask(method, self._base_url + path)
        return _understood(answer, _KIND.UNAVAILABLE)


def _understood(answer: ProviderResponse, unclear: ProviderErrorKind) -> dict[str, Any]:
    """Return the JSON of a success.

    Raises ProviderError; of kind `unclear` where the status proves nothing.
    """
    if answer.is_success and isinstance(answer.content, dict):
        return answer.content
    is_refused = proves_refusal(answer.status)
    kind = _STATUSES.get(answer.status, _KIND.INVALID) if is_refused else unclear
    raise ProviderError(kind, f"HTTP {answer.status}", retry_after_s=retry_after_s(answer))


def _data_uris(paths: tuple[Path, ...]) -> list[str]:
    return [_data_uri(path) for path in paths]


def _data_uri(path: Path) -> str:
    kind = "png" if path.suffix == ".png" else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _text(answer: Mapping[str, Any], name: str, kind: ProviderErrorKind) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise ProviderError(kind, f"the response has no {name}")
    return value


def _addresses(answer: Mapping[str, Any]) -> list[str]:
    output = answer.get("output")
    addresses = [url for url in output if isinstance(url, str)] if isinstance(output, list) else []
    if not addresses:
        raise ProviderError(_KIND.FAILED, "task finished without a picture")
    return addresses


def _failure(error: object) -> ProviderError:
    code = error.get("code") if isinstance(error, Mapping) else None
    kind = _ERRORS.get(str(code), _KIND.FAILED)
    return ProviderError(kind, str(code), is_billed=False)
