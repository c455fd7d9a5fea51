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
_PORTS_TRIED = 50
_JOURNAL = "journalctl -u imgbot -n 50 --no-pager"


@dataclass(frozen=True, slots=True)
class BotState:
    """State of the bot as seen from outside."""

    address: Address
    pid: int | None
    """None while none runs; 0 where its process cannot be seen."""
    checks: Mapping[str, str] | None = None
    """Check → what is wrong, empty when well; None where /healthz did not answer."""
    bind_error: int = 0
    """Why nothing can listen at the address while no bot runs; 0 when it is free."""
    free_port: int = 0
    """One that is free instead; 0 if none was found."""
    may_move: bool = False
    """True if the bot moves to that port by itself."""
    problems: tuple[tuple[str, str], ...] = ()
    """Problems that its status lists, with advice."""

    @property
    def polling_trouble(self) -> str | None:
        """Polling error reported by a running bot; None where it reports nothing."""
        return None if self.checks is None else self.checks.get("telegram")


async def inspect(settings: Settings) -> BotState:
    pid = supervisor_of(settings.state_dir, settings.token.get_secret_value())
    address, spare = settings.http, settings.spare_http_ports
    if pid is None:
        bind_error = _bind_error(address)
        free_port = _free_port(address) if bind_error == errno.EADDRINUSE else 0
        return BotState(address, None, None, bind_error, free_port, may_move=free_port in spare)
    places = [address, *(Address(address.host, port) for port in spare)]
    for place in places:
        if (checks := await _ask_health(place)) is not None:
            return BotState(place, pid, checks, problems=await _ask_problems(place))
    return BotState(address, pid)


def evaluate(seen: BotState) -> list[Finding]:
    where = f"http://{seen.address}/healthz"
    if seen.pid is None:
        start = "sudo systemctl start imgbot"
        return [warning("service", "imgbot is not running", start), _port(seen)]
    process = f"process {seen.pid}" if seen.pid else "a process"
    if seen.checks is None:
        text = f"{process} is running, but nothing answers at {where}"
        return [wrong("service", text, _JOURNAL)]
    ill = {name: what for name, what in seen.checks.items() if what}
    if not ill:
        load = [warning("load", what[:300], advice) for what, advice in seen.problems]
        return [ok("service", f"{process} is running and healthy by {where}"), *load]
    return [wrong("service", f"{name}: {what}"[:300], _JOURNAL) for name, what in ill.items()]


def _port(seen: BotState) -> Finding:
    if not seen.bind_error:
        return ok("port", f"{seen.address} is free")
    if seen.bind_error != errno.EADDRINUSE:
        text = f"cannot listen on {seen.address} ({errno.errorcode.get(seen.bind_error)})"
        return wrong("port", text, "IMGBOT_HTTP=127.0.0.1:8080, or another address of this machine")
    port, host = seen.address.port, seen.address.host
    text = f"{seen.address} is in use by another program (sudo ss -ltnp 'sport = :{port}')"
    mend = f"IMGBOT_HTTP={Address(host, seen.free_port)}" if seen.free_port else "IMGBOT_HTTP"
    if seen.may_move:
        return warning("port", f"{text}: the status page moves to {seen.free_port}", mend)
    return wrong("port", text, mend)


def _free_port(address: Address) -> int:
    above = range(address.port + 1, min(address.port + 1 + _PORTS_TRIED, 65_536))
    return next((p for p in above if not _bind_error(Address(address.host, p))), 0)


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


async def _ask_health(address: Address) -> Mapping[str, str] | None:
    try:
        checks = (await _ask(address, "/healthz"))["checks"]
        return {
            str(name): "" if check["ok"] else str(check.get("detail", "failing"))
            for name, check in checks.items()
        }
    except (KeyError, TypeError, AttributeError):
        return None


async def _ask_problems(address: Address) -> tuple[tuple[str, str], ...]:
    try:
        found = (await _ask(address, "/status.json"))["problems"]
        return tuple((str(each["what"]), str(each["advice"]).replace("`", "")) for each in found)
    except (KeyError, TypeError):
        return ()


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
