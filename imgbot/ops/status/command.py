"""`imgbot status`: asks the running service, and shows what it says."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from imgbot.config.setting_types import Address, parse_address
from imgbot.config.settings import SPARE_HTTP_PORTS, Settings
from imgbot.config.sources import read_environment_file
from imgbot.domain.errors import ConfigError, ImgbotError
from imgbot.ops.status.document import Document
from imgbot.ops.status.screen import coloured, plain, screen_of
from imgbot.telemetry.thresholds import Level

CRITICAL = 2
NOT_RUNNING = 3
_UNEXPECTED = 1
_EX_CONFIG = 78
_SETTING = "IMGBOT_HTTP"
_FILE = "/etc/imgbot/imgbot.env"
_TIMEOUT_S = 15.0
_AGAIN_S = 2.0
_MOST_BYTES = 4 << 20
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"


class NotRunningError(ImgbotError):
    """Nothing answers; the message says what to do."""


class OtherAnswerError(ImgbotError):
    """Something else answers, or another version of imgbot."""


def main(*, is_watching: bool, is_json: bool) -> int:
    """Show the status once, or until interrupted; return the exit status of `cli`'s help."""
    try:
        target = target_of(os.environ)
        if is_watching:
            return _watch(target)
        document = ask(target)
        text = json.dumps(document, indent=2) if is_json else _screen(document)
    except ConfigError as error:
        return _complain(str(error), _EX_CONFIG)
    except NotRunningError as error:
        return _complain(str(error), NOT_RUNNING)
    except OtherAnswerError as error:
        return _complain(str(error), _UNEXPECTED)
    sys.stdout.write(f"{text}\n")
    return exit_status(document)


def exit_status(document: Document) -> int:
    return CRITICAL if document["level"] == Level.CRITICAL else 0


@dataclass(frozen=True, slots=True)
class Target:
    """Address at which the service is asked."""

    address: Address
    spare: tuple[Address, ...] = ()
    """Addresses it may have moved to because that port was taken."""
    doubt: str = ""
    """Why it may listen elsewhere, in a sentence."""


def target_of(environ: Mapping[str, str]) -> Target:
    """Find where the service listens. Raises ConfigError for an address that is none."""
    text, doubt = environ.get(_SETTING, "").strip(), ""
    if not text:
        file = environ.get("IMGBOT_ENVIRONMENT_FILE", "") or _FILE
        try:
            text = read_environment_file(Path(file)).get(_SETTING, "").strip()
        except ConfigError as error:
            if not isinstance(error.__cause__, PermissionError):
                raise
            # It holds a key, and most who do so leave the address as it is.
            doubt = f"{file} cannot be read and may set another address: sudo imgbot status"
    address = _reachable(text or Settings.model_fields["http"].default)
    spare = () if text else tuple(Address(address.host, port) for port in SPARE_HTTP_PORTS)
    return Target(address, spare, doubt)


def _reachable(text: str) -> Address:
    try:
        found = parse_address(text)
    except ValueError:
        raise ConfigError(_SETTING, "write a host and port: 127.0.0.1:8080") from None
    with contextlib.suppress(ValueError):
        host = ip_address(found.host)
        if host.is_unspecified:
            return Address("127.0.0.1" if host.version == 4 else "::1", found.port)
    return found


def ask(target: Target) -> Document:
    """Fetch the document from where the service is. Raises NotRunningError, OtherAnswerError."""
    try:
        return _ask(target.address, target)
    except (NotRunningError, OtherAnswerError):
        for address in target.spare:
            with contextlib.suppress(NotRunningError, OtherAnswerError):
                return _ask(address, target)
        raise


def _ask(address: Address, target: Target) -> Document:
    connection = http.client.HTTPConnection(address.host, address.port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/status.json")
        answer = connection.getresponse()
        body = answer.read(_MOST_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise NotRunningError(_nobody(target, error)) from error
    finally:
        connection.close()
    if answer.status == http.client.SERVICE_UNAVAILABLE:
        raise NotRunningError(f"imgbot at {address} is still starting; ask again in a moment")
    try:
        document = json.loads(body) if answer.status == http.client.OK else None
        screen_of(document or {})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise OtherAnswerError(
            f"the server at {address} is not this version of imgbot (HTTP {answer.status}); "
            f"if imgbot listens elsewhere, say where: {_elsewhere(target)}"
        ) from None
    return document or {}


def _nobody(target: Target, error: Exception) -> str:
    why = getattr(error, "strerror", None) or type(error).__name__
    return (
        f"nothing answers at {target.address} ({why}).\n"
        f"Is the service running?   systemctl status imgbot\n"
        f"Why did it stop?          journalctl -u imgbot -n 50\n"
        f"Does it listen elsewhere? {_elsewhere(target)}"
    )


def _elsewhere(target: Target) -> str:
    return target.doubt or f"{_SETTING}=HOST:PORT imgbot status"


def _watch(target: Target) -> int:
    status = 0
    for number in (signal.SIGINT, signal.SIGTERM):
        # However it is ended, even where a shell has put it aside: the terminal is given back.
        signal.signal(number, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), _full_screen():
        while True:
            try:
                document = ask(target)
                text, status = _screen(document), exit_status(document)
            except NotRunningError as error:
                text, status = f"imgbot status: {error}", NOT_RUNNING
            _draw(text)
            time.sleep(_AGAIN_S)
    return status


@contextlib.contextmanager
def _full_screen() -> Generator[None]:
    """Use the terminal's other screen, and give it back as it was."""
    is_terminal = sys.stdout.isatty()
    if is_terminal:
        sys.stdout.write(_ENTER)
    try:
        yield
    finally:
        if is_terminal:
            sys.stdout.write(_LEAVE)
            sys.stdout.flush()


def _draw(text: str) -> None:
    if not sys.stdout.isatty():
        sys.stdout.write(f"{text}\n\n")
    else:
        rows = shutil.get_terminal_size().lines
        lines = text.splitlines()[: rows - 1]
        # Over what is there, so that nothing flickers.
        sys.stdout.write(_HOME + "".join(f"{line}{_REST_OF_LINE}\n" for line in lines))
        sys.stdout.write(_REST_OF_SCREEN)
    sys.stdout.flush()


def _screen(document: Document) -> str:
    is_colourful = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    width = min(shutil.get_terminal_size().columns, 110)
    return "\n".join(screen_of(document, coloured if is_colourful else plain, width))


def _complain(text: str, status: int) -> int:
    sys.stderr.write(f"imgbot status: {text}\n")
    return status
