"""The bot of this machine, if it runs: by its locks, and by what it says of itself."""

import asyncio
import errno
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from imgbot.config.setting_types import Address
from imgbot.config.settings import Settings
from imgbot.domain.findings import Finding, ok, warning, wrong
from imgbot.ops.state_dir import supervisor_of

_ANSWER_TIMEOUT_S = 8.0
_MOST_BYTES = 1 << 16
_JOURNAL = "journalctl -u imgbot -n 50 --no-pager"


@dataclass(frozen=True, slots=True)
class BotState:
    """State of the bot as seen from outside."""

    address: Address
    pid: int | None
    """None while none runs; 0 where its process cannot be seen."""
    checks: Mapping[str, str] | None = None
    """Check → what is wrong, empty when well; None where /healthz did not answer."""
    problems: tuple[tuple[str, str], ...] = ()
    """Problems that its status lists, with advice."""


async def inspect(settings: Settings) -> BotState:
    pid = supervisor_of(settings.state_dir, settings.token.get_secret_value())
    if pid is None:
        return BotState(settings.http, None)
    for port in (settings.http.port, *settings.spare_http_ports):
        place = Address(settings.http.host, port)
        try:
            checks = (await _ask(place, "/healthz"))["checks"]
            checks = {
                str(name): "" if check["ok"] else str(check.get("detail", "failing"))
                for name, check in checks.items()
            }
            found = (await _ask(place, "/status.json") or {}).get("problems", [])
            problems = [(str(each["what"]), each["advice"].replace("`", "")) for each in found]
            return BotState(place, pid, checks, tuple(problems))
        except (KeyError, TypeError, AttributeError):
            continue
    return BotState(settings.http, pid)


def evaluate(seen: BotState) -> list[Finding]:
    """Evaluate a bot that runs."""
    process = f"process {seen.pid}" if seen.pid else "a process"
    where = f"http://{seen.address}/healthz"
    if seen.checks is None:
        text = f"{process} is running, but nothing answers at {where}"
        return [wrong("service", text, _JOURNAL)]
    ill = {name: what for name, what in seen.checks.items() if what}
    if not ill:
        load = [warning("load", what[:300], advice) for what, advice in seen.problems]
        return [ok("service", f"{process} is running and healthy by {where}"), *load]
    return [wrong("service", f"{name}: {what}"[:300], _JOURNAL) for name, what in ill.items()]


def check_port(address: Address, *, may_move: bool) -> Finding:
    """Check whether a bot that does not run could listen at its address.

    `may_move` says that its status page moves to another port by itself.
    """
    error = _bind_error(address)
    if not error:
        return ok("port", f"{address} is free")
    if error != errno.EADDRINUSE:
        text = f"cannot listen on {address} ({errno.errorcode.get(error)})"
        return wrong("port", text, "IMGBOT_HTTP=127.0.0.1:8080, or another address of this machine")
    text = f"{address} is in use by another program (sudo ss -ltnp 'sport = :{address.port}')"
    if may_move:
        return warning("port", f"{text}: the status page moves to the next free port")
    return wrong("port", text, f"IMGBOT_HTTP={address.host}:PORT with another port")


def _bind_error(address: Address) -> int:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except socket.gaierror:
            return errno.EADDRNOTAVAIL
        except OSError as error:
            return error.errno or errno.EADDRNOTAVAIL
    return 0


async def _ask(address: Address, path: str) -> Any:
    """Return the JSON of an answer, None where there is none."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104
    try:
        async with (
            asyncio.timeout(_ANSWER_TIMEOUT_S),
            aiohttp.ClientSession() as session,
            session.get(f"http://{Address(host, address.port)}{path}") as answer,
        ):
            return json.loads(await answer.content.read(_MOST_BYTES))
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return None
