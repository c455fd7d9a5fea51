"""What is wrong with the body of a submit to Replicate."""

import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from aiohttp import web

from imgbot.sandbox.provider_orders import Refusal
from imgbot.sandbox.simulators.fields import Field, Model, Problem, flag, problems, text
from imgbot.sandbox.simulators.hooks import LOOPBACK
from imgbot.sandbox.simulators.hosted import Invalid

EVENTS = ("start", "output", "logs", "completed")

_BESIDE: Mapping[str, Field] = {
    "webhook": text(),
    "webhook_completed": text(),
    "stream": flag(),
}
_DATA_URI_BYTES = 1 << 20
_WAIT = re.compile(r"wait(?:=(\d+))?")


def check_input(model: Model, body: Mapping[str, Any], *, is_by_version: bool) -> dict[str, Any]:
    """The `input` of a body in which nothing is wrong. Raises Invalid."""
    known = {"input", "webhook_events_filter", *_BESIDE} | ({"version"} if is_by_version else set())
    found = [Problem(name, "unknown") for name in body if name not in known]
    found.extend(
        problems(_BESIDE, {name: value for name, value in body.items() if name in _BESIDE})
    )
    given = body.get("input")
    if not isinstance(given, dict):
        fault = "missing" if given is None else "type"
        raise Invalid([*found, Problem("input", fault, Field("size"), given)])
    fields = cast("dict[str, Any]", given)
    wrong = problems(model.fields, fields) or _wrong_addresses(model, fields)
    found.extend(
        Problem(f"input.{one.name}", one.fault, one.field, one.given, one.index) for one in wrong
    )
    found.extend(_wrong_hook(body))
    if found:
        raise Invalid(found)
    return fields


def wait_s(request: web.Request) -> float:
    """How long the submit is held open, by its `Prefer` header."""
    found = _WAIT.fullmatch(request.headers.get("Prefer", "").strip())
    if found is None:
        return 0.0
    seconds = int(found[1] or 60)
    if not 1 <= seconds <= 60:
        raise Refusal(400, "prefer", "Prefer: wait must be between 1 and 60 seconds")
    return float(seconds)


def _wrong_addresses(model: Model, given: Mapping[str, Any]) -> list[Problem]:
    found: list[Problem] = []
    for name in model.names("pictures"):
        value: Any = given.get(name)
        if isinstance(value, str) and not _is_address(value):
            found.append(Problem(name, "format"))
        if isinstance(value, list):
            addresses = enumerate(cast("list[str]", value))
            found.extend(
                Problem(name, "format", index=index)
                for index, address in addresses
                if not _is_address(address)
            )
    return found


def _is_address(value: str) -> bool:
    if value.startswith("data:"):
        return len(value) <= _DATA_URI_BYTES
    return value.startswith(("https://", "http://"))


def _wrong_hook(body: Mapping[str, Any]) -> list[Problem]:
    url: Any = body.get("webhook")
    # HTTPS is the rule; the sandbox adds addresses of its own machine.
    is_secure = not isinstance(url, str) or url.startswith("https://")
    if not is_secure and urlsplit(url).hostname not in LOOPBACK:
        return [Problem("webhook", "format")]
    events: Any = body.get("webhook_events_filter", [])
    if not isinstance(events, list):
        return [Problem("webhook_events_filter", "type", Field("pictures"), events)]
    choices = Field("text", choices=EVENTS)
    return [
        Problem("webhook_events_filter", "choice", choices, event)
        for event in cast("list[Any]", events)
        if event not in EVENTS
    ]
