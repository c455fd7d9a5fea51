"""`imgbot status`: fetches the document of the running service, and shows it."""

import base64
import contextlib
import http.client
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from imgbot.config.place import service_place
from imgbot.config.setting_types import Address, parse_address
from imgbot.config.settings import SPARE_HTTP_PORTS, Settings
from imgbot.config.sources import NO_PROVIDERS, SettingsSource, read_environment_file
from imgbot.domain.errors import ConfigError, ImgbotError
from imgbot.files import replace_file
from imgbot.ops.installation import environ_of_service, shipped
from imgbot.ops.status import HTTP_SETTING, operator_key
from imgbot.ops.status.screen import jobs_of, screen_of

_ELSEWHERE = "IMGBOT_HTTP=HOST:PORT imgbot status"
_FOR_PROMETHEUS = ("prometheus/imgbot.yml", "prometheus/imgbot.rules.yml", "grafana/imgbot.json")


_UNEXPECTED, _CRITICAL, _NOT_RUNNING = 1, 2, 3
"""Exit statuses, as the help of `cli` has them."""


class NoStatusError(ImgbotError):
    """Nothing answers, or something else does; the message says what to do."""

    def __init__(self, sentence: str, exit_status: int = _NOT_RUNNING) -> None:
        super().__init__(sentence)
        self.exit_status = exit_status


def show_status(*, is_watching: bool, is_json: bool) -> int:
    """Show the status once, or until interrupted; return the exit status of `cli`'s help.

    Raises ConfigError, NoStatusError.
    """
    target = _own_service()
    if is_watching:
        return _watch(target)
    document = fetch_status(target)
    sys.stdout.write(f"{json.dumps(document, indent=2) if is_json else _screen(document)}\n")
    if target.key and not is_json:
        sys.stdout.write(f"\nnames and prompts on the page: any name, password {target.key}\n")
    return exit_status(document)


def show_jobs() -> list[str]:
    """Return a line for each of the jobs that ended last. Raises ConfigError, NoStatusError."""
    document = fetch_status(_own_service())
    if not document["has_people"]:
        raise NoStatusError("this takes the bot's own token: sudo imgbot jobs", _UNEXPECTED)
    return jobs_of(document)


def _own_service() -> "Target":
    return replace(find_service(os.environ), key=_key_for(os.environ))


def exit_status(document: dict[str, Any]) -> int:
    return _CRITICAL if document["level"] == "critical" else 0


@dataclass(frozen=True, slots=True)
class Target:
    """Addresses at which the service may be: the second and later ones if the first was taken."""

    addresses: tuple[Address, ...]
    doubt: str = _ELSEWHERE
    """Reason why it may listen elsewhere, or the way to name the place."""
    key: str = ""
    """Password of the operator; empty for an account that may not read the bot's token."""


def find_service(environ: Mapping[str, str]) -> Target:
    """Find where the service listens. Raises ConfigError for an address that is none."""
    text, doubt = environ.get(HTTP_SETTING, "").strip(), _ELSEWHERE
    if not text:
        file = environ.get("IMGBOT_ENVIRONMENT_FILE", "") or "/etc/imgbot/imgbot.env"
        try:
            text = read_environment_file(Path(file)).get(HTTP_SETTING, "").strip()
        except ConfigError as error:
            if not isinstance(error.__cause__, PermissionError):
                raise
            # It holds a key, and most who do so leave the address as it is.
            doubt = f"{file} cannot be read and may set another address: sudo imgbot status"
    try:
        address = parse_address(text or Settings.model_fields["http"].default).reachable
    except ValueError:
        raise ConfigError(HTTP_SETTING, "write a host and port: 127.0.0.1:8080") from None
    spare = () if text else (Address(address.host, port) for port in SPARE_HTTP_PORTS)
    return Target((address, *spare), doubt)


def _key_for(environ: Mapping[str, str]) -> str:
    # An address alone says where the service listens: it is no other bot.
    environ = {name: value for name, value in environ.items() if name != HTTP_SETTING}
    with contextlib.suppress(ConfigError):
        settings = SettingsSource(environ_of_service(environ), NO_PROVIDERS).read()
        return operator_key(settings.token.get_secret_value())
    return ""


def fetch_status(target: Target) -> dict[str, Any]:
    """Fetch the document from where the service is. Raises NoStatusError."""
    refusals: list[NoStatusError] = []
    for address in target.addresses:
        try:
            return _ask(address, target)
        except NoStatusError as error:
            refusals.append(error)
    raise refusals[0]


def _install_advice() -> str:
    """Return a line that advises to install the service, where it has no settings."""
    if Path(service_place().folder).exists():
        return ""
    return "Is it installed at all?   sudo imgbot install, or imgbot demo to try it\n"


def _ask(address: Address, target: Target) -> dict[str, Any]:
    connection = http.client.HTTPConnection(address.host, address.port, timeout=8.0)
    try:
        bearing = base64.b64encode(f":{target.key}".encode()).decode()
        connection.request("GET", "/status.json", headers={"Authorization": f"Basic {bearing}"})
        answer = connection.getresponse()
        body = answer.read(4 << 20)
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise NoStatusError(
            f"nothing answers at {address} ({why}).\n"
            f"{_install_advice()}"
            f"Is the service running?   systemctl status {service_place().unit}\n"
            f"Why did it stop?          journalctl -u {service_place().unit} -n 50\n"
            f"Does it listen elsewhere? {target.doubt}"
        ) from error
    finally:
        connection.close()
    if answer.status == http.client.SERVICE_UNAVAILABLE:
        raise NoStatusError(f"imgbot at {address} is still starting; ask again in a moment")
    try:
        document = json.loads(body)
        screen_of(document)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NoStatusError(
            f"the server at {address} is not this version of imgbot (HTTP {answer.status}); "
            f"if imgbot listens elsewhere, say where: {target.doubt}",
            _UNEXPECTED,
        ) from None
    return document


def _watch(target: Target) -> int:
    status = 0
    for number in (signal.SIGINT, signal.SIGTERM):
        # However it is ended, even where a shell has put it aside: the terminal is given back.
        signal.signal(number, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), _full_screen():
        while True:
            try:
                document = fetch_status(target)
                text, status = _screen(document), exit_status(document)
            except NoStatusError as error:
                text, status = f"imgbot status: {error}", error.exit_status
            _draw(text)
            time.sleep(2.0)
    return status


@contextlib.contextmanager
def _full_screen() -> Generator[None]:
    """Use the terminal's other screen, and give it back as it was."""
    is_terminal = sys.stdout.isatty()
    sys.stdout.write("\x1b[?1049h\x1b[?25l" if is_terminal else "")
    try:
        yield
    finally:
        sys.stdout.write("\x1b[?25h\x1b[?1049l" if is_terminal else "")
        sys.stdout.flush()


def _draw(text: str) -> None:
    if sys.stdout.isatty():
        lines = text.splitlines()[: shutil.get_terminal_size().lines - 1]
        # From the corner over what is there, so that nothing flickers; then the rest is cleared.
        text = "\x1b[H" + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J"
    else:
        text += "\n\n"
    sys.stdout.write(text)
    sys.stdout.flush()


def _screen(document: dict[str, Any]) -> str:
    width = min(shutil.get_terminal_size().columns, 110)
    is_coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return "\n".join(screen_of(document, width, is_coloured=is_coloured))


def write_prometheus_config(folder: str) -> list[str]:
    """Write the Prometheus and Grafana files for the bot of this machine.

    Returns, in sentences, what is there now. Raises ConfigError, OSError.
    """
    target, place = str(find_service(os.environ).addresses[0]), Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    paths = [place / PurePosixPath(name).name for name in _FOR_PROMETHEUS]
    for name, path in zip(_FOR_PROMETHEUS, paths, strict=True):
        text = shipped(name).read_text(encoding="utf-8")
        replace_file(path, text.replace('"127.0.0.1:8080"', f'"{target}"'), 0o644)
    written = [f"{path} is written" for path in paths]
    return [*written, f"{paths[0]} scrapes {target}; its header lists the remaining steps"]
