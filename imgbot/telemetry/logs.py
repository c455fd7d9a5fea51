"""Log lines for people, secrets struck out of every one.

Secrets are struck out of the finished line, after message, arguments and traceback have come
together: so no library, exception or argument can carry one past.
"""

import json
import logging
import os
import re
import sys
from collections.abc import Iterable, Mapping
from typing import TextIO
from urllib.parse import quote

STRUCK = "[secret]"
"""Stands where a secret stood; without blanks, so that striking twice changes nothing."""

_PATTERNS = (
    # a bot's token, with or without the "bot" of a Bot API address before it
    (re.compile(r"(?<![0-9])\d{6,20}(?::|%3[Aa])[A-Za-z0-9_-]{30,}"), STRUCK),
    # what follows /bot in an address is a token even where it is a malformed one
    (re.compile(r"(/bot)(?=\d+(?::|%3[Aa]))[^/\s]+"), rf"\1{STRUCK}"),
    # a header, as text, in a dict or in a list of pairs
    (
        re.compile(
            r"(authorization['\"]?\s*[:=,]\s*(?:b?['\"])?)(?:(?:bearer|basic|key|token)\s+)?[^\s'\",;)}]+",
            re.IGNORECASE,
        ),
        rf"\1{STRUCK}",
    ),
    (re.compile(r"\b(bearer\s+)[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE), rf"\1{STRUCK}"),
    # the password of an address: redis://user:password@host
    (re.compile(r"(\w://[^\s/:@]*:)[^\s/@]+(?=@)"), rf"\1{STRUCK}"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# They log addresses (with tokens and pictures in them) and every request.
_CHATTY = ("aiogram", "aiohttp", "asyncio", "PIL")

# What journald takes `<N>` at the beginning of a line for: sd-daemon(3).
_PRIORITIES = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}
_COLOURS = {"DEBUG": "2", "INFO": "36", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}


class Redactor:
    """Strikes the configured secrets and everything that looks like one out of a text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # Shorter ones would strike ordinary words out of every line.
        words = {form for secret in secrets if len(secret) >= 4 for form in _forms(secret)}
        # The longest first: one secret may be a part of another.
        longest_first = sorted(words, key=len, reverse=True)
        self._configured = re.compile("|".join(map(re.escape, longest_first))) if words else None

    def __call__(self, text: str) -> str:
        if self._configured is not None:
            text = self._configured.sub(STRUCK, text)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text


class LineFormatter(logging.Formatter):
    """One line per event: time, level, where, what, traceback.

    For journald without the time, as it puts its own before the lines, and with the priority
    before each, so that `journalctl -p warning` finds it.
    """

    def __init__(self, redact: Redactor, *, is_coloured: bool, is_to_journal: bool) -> None:
        super().__init__("%(message)s")
        self._redact = redact
        self._is_coloured = is_coloured
        self._is_to_journal = is_to_journal

    def format(self, record: logging.LogRecord) -> str:
        line = self._text(record)
        if not self._is_to_journal:
            return line
        mark = f"<{_PRIORITIES.get(record.levelname, 6)}>"
        return mark + line.replace("\n", f"\n{mark}")

    def _text(self, record: logging.LogRecord) -> str:
        level = f"{record.levelname.lower():<7}"
        if self._is_coloured:
            level = f"\x1b[{_COLOURS.get(record.levelname, '0')}m{level}\x1b[0m"
        where = record.name.removeprefix("imgbot.")
        # What a stranger sent must not steer the operator's terminal.
        text = _CONTROL.sub("\ufffd", self._redact(super().format(record))[:20_000])
        time = "" if self._is_to_journal else f"{self.formatTime(record, '%H:%M:%S')} "
        return f"{time}{level} {where}: {text}"


def set_up(
    *,
    level: str = "info",
    secrets: Iterable[str] = (),
    environ: Mapping[str, str] | None = None,
    stream: TextIO | None = None,
) -> None:
    """Send every log line of this process to stderr; called again, it replaces what was set."""
    out: TextIO = stream or sys.stderr
    environ = os.environ if environ is None else environ
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        LineFormatter(
            Redactor(secrets),
            is_coloured=out.isatty() and "NO_COLOR" not in environ,
            is_to_journal=is_journal(environ, out),
        )
    )
    # A full disk or a closed terminal must not turn each line into a traceback of its own.
    logging.raiseExceptions = False
    logging.captureWarnings(capture=True)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    # An exception of a handler is logged once, by `events`; while Redis is away, in one line.
    logging.getLogger("aiogram.event").setLevel(logging.CRITICAL)


def is_journal(environ: Mapping[str, str], stream: TextIO) -> bool:
    """True if the stream leads to journald, as systemd's JOURNAL_STREAM says."""
    device, _, inode = environ.get("JOURNAL_STREAM", "").partition(":")
    if not inode:
        return False
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return (device, inode) == (str(status.st_dev), str(status.st_ino))


def _forms(secret: str) -> set[str]:
    """Give the ways in which a secret appears: itself, in an address, in a printed structure."""
    return {secret, quote(secret, safe=""), repr(secret)[1:-1], json.dumps(secret)[1:-1]}
