"""Findings as a person reads them, and as a script does; without any secret."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence

from imgbot.domain.findings import Finding, Severity
from imgbot.ops.formatting import strip_control
from imgbot.telemetry.logs import Redactor

_MARKS = {Severity.OK: "ok     ", Severity.WARNING: "warning", Severity.WRONG: "WRONG  "}


def exit_status(findings: Iterable[Finding]) -> int:
    return int(any(finding.level is Severity.WRONG for finding in findings))


def as_text(findings: Sequence[Finding], mended: Sequence[str], secrets: Iterable[str]) -> str:
    """Return a line per finding, and below it what mends it."""
    redact = Redactor(secrets)
    width = max((len(finding.check) for finding in findings), default=0)
    lines = [f"mended   {line}" for line in mended]
    for finding in findings:
        lines.append(
            f"{_MARKS[finding.level]}  {finding.check:<{width}}  {strip_control(finding.text)}"
        )
        if finding.advice:
            lines.append(f"{'':<{width + 11}}→ {strip_control(finding.advice)}")
    lines.append(_sum(findings))
    return redact("\n".join(lines))


def as_json(findings: Sequence[Finding], mended: Sequence[str], secrets: Iterable[str]) -> str:
    """Return findings as [{check, level, text, mend}], `mended`, and how many are how bad."""
    counts = Counter(finding.level for finding in findings)
    content = {
        "findings": [
            {
                "check": finding.check,
                "level": finding.level.value,
                "text": finding.text,
                "mend": finding.advice,
            }
            for finding in findings
        ],
        "mended": list(mended),
        "wrong": counts[Severity.WRONG],
        "warning": counts[Severity.WARNING],
    }
    return Redactor(secrets)(json.dumps(content, ensure_ascii=False, indent=2))


def _sum(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.level for finding in findings)
    well, fixable = counts[Severity.OK], sum(bool(finding.fix) for finding in findings)
    hint = f"; `imgbot doctor --fix` mends {fixable}" if fixable else ""
    return f"{counts[Severity.WRONG]} wrong, {counts[Severity.WARNING]} warnings, {well} ok{hint}"
