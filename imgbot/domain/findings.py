"""What an examination finds: one line each, how bad it is, and the command that mends it."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is; only `wrong` makes an examination fail."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    check: str
    """What was looked at, in a word or two."""
    level: Severity
    text: str
    advice: str = ""
    """The command, or the setting, that mends it; empty where nothing is to be done."""
    fix: tuple[str, ...] = ()
    """What `--fix` does about it, and to what; empty where that is not safe."""


def ok(check: str, text: str, mend: str = "") -> Finding:
    return Finding(check, Severity.OK, text, mend)


def warning(check: str, text: str, mend: str = "", fix: tuple[str, ...] = ()) -> Finding:
    return Finding(check, Severity.WARNING, text, mend, fix)


def wrong(check: str, text: str, mend: str = "", fix: tuple[str, ...] = ()) -> Finding:
    return Finding(check, Severity.WRONG, text, mend, fix)
