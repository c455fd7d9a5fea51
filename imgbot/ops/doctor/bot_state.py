"""The bot of this machine, if it runs: by its locks, and by what it says of itself."""

import errno
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from imgbot.config.place import service_place
from imgbot.config.setting_types import Address
from imgbot.config.settings import Settings
from imgbot.domain.findings import Finding, Severity, ok, warning, wrong
from imgbot.ops.state_directory import supervisor_of
from imgbot.ops.status.command import NoStatusError, Target, fetch_status


@dataclass(frozen=True, slots=True)
class BotState:
    """State of the bot as seen from outside."""

    address: Address
    pid: int | None
    """None while none runs; 0 where its process cannot be seen."""
    status: dict[str, Any] | None = None
    """Its status document; None where it does not answer."""


def inspect(settings: Settings) -> BotState:
    """Check whether the bot runs, and ask for its status."""
    pid = supervisor_of(settings.state_dir, settings.token.get_secret_value())
    ports = () if pid is None else (settings.http.port, *settings.spare_http_ports)
    for port in ports:
        address = Address(settings.http.host, port).reachable
        with suppress(NoStatusError):
            return BotState(address, pid, fetch_status(Target((address,))))
    return BotState(settings.http, pid)


def evaluate(seen: BotState) -> list[Finding]:
    """Evaluate a bot that runs."""
    process = f"process {seen.pid}" if seen.pid else "a process"
    if seen.status is None:
        text = f"{process} is running, but nothing answers at http://{seen.address}/status.json"
        return [wrong("service", text, f"journalctl -u {service_place().unit} -n 50 --no-pager")]
    found: list[Finding] = []
    for problem in seen.status["problems"]:
        severity, check = (
            (wrong, "service") if problem["level"] == "critical" else (warning, "load")
        )
        found.append(severity(check, problem["what"][:300], problem["advice"].replace("`", "")))
    if any(finding.level is Severity.WRONG for finding in found):
        return found
    text = f"{process} is running and healthy by http://{seen.address}/healthz"
    return [ok("service", text), *found]


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
