"""Findings of a check: one line each, with a severity and the command that repairs it."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Severity of a finding; only `wrong` makes a check fail."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one check."""

    check: str
    """Name of the check, in a word or two."""
    level: Severity
    text: str
    advice: str = ""
    """Command or setting that repairs it; empty if nothing is to be done."""
    fix: tuple[str, ...] = ()
    """Action of `--fix` and its arguments; empty if an automatic repair is not safe."""


def ok(check: str, text: str, advice: str = "") -> Finding:
    return Finding(check, Severity.OK, text, advice)


def warning(check: str, text: str, advice: str = "", fix: tuple[str, ...] = ()) -> Finding:
    return Finding(check, Severity.WARNING, text, advice, fix)


def wrong(check: str, text: str, advice: str = "", fix: tuple[str, ...] = ()) -> Finding:
    return Finding(check, Severity.WRONG, text, advice, fix)
