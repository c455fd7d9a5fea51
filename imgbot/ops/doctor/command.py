"""`imgbot doctor`: every part of an installation examined side by side, each with a deadline.

A check that fails to run is a finding itself, and stops nothing else. `--fix` does only what is
safe and a finding has named: it deletes a webhook (what waits there is kept) and closes secrets
to others; everything else, from a setting to the kernel, is left to the operator.
"""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from imgbot.config.settings import Settings, key_names_of, key_variables
from imgbot.config.sources import SettingsSource
from imgbot.domain.errors import ConfigError
from imgbot.domain.findings import Finding, Severity, ok, warning, wrong
from imgbot.ops import state_dir as state
from imgbot.ops.doctor import bot_state as running, guide, machine, telegram
from imgbot.ops.doctor.guide import read_record
from imgbot.ops.formatting import strip_control
from imgbot.ops.installation import STATE, credentials_of_service, environ_of_service
from imgbot.providers import factory as providers
from imgbot.providers.protocol import ProviderConfig, Timeouts
from imgbot.storage.server import check as queue
from imgbot.storage.server.check import RedisReport
from imgbot.storage.server.process import socket_of
from imgbot.telemetry.logs import Redactor

_MARKS = {Severity.OK: "ok     ", Severity.WARNING: "warning", Severity.WRONG: "WRONG  "}


def exit_status(findings: Iterable[Finding]) -> int:
    return int(any(finding.level is Severity.WRONG for finding in findings))


def as_text(findings: Sequence[Finding], mended: Sequence[str], secrets: Iterable[str]) -> str:
    """Return a line per finding, and below it what fixes it."""
    redact = Redactor(secrets)
    width = max((len(finding.check) for finding in findings), default=0)
    lines = [f"fixed    {line}" for line in mended]
    for finding in findings:
        lines.append(
            f"{_MARKS[finding.level]}  {finding.check:<{width}}  {strip_control(finding.text)}"
        )
        if finding.advice:
            lines.append(f"{'':<{width + 11}}→ {strip_control(finding.advice)}")
    lines.append(_sum(findings))
    return redact("\n".join(lines))


def as_json(findings: Sequence[Finding], mended: Sequence[str], secrets: Iterable[str]) -> str:
    """Return findings as [{check, level, text, mend}], `mended`, and counts by level."""
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
    hint = f"; `imgbot doctor --fix` fixes {fixable}" if fixable else ""
    return f"{counts[Severity.WRONG]} wrong, {counts[Severity.WARNING]} warnings, {well} ok{hint}"


async def apply_fixes(findings: Sequence[Finding], api: str, token: str) -> list[str]:
    """Do what the findings allow; return, in sentences, what was done."""
    done: list[str] = []
    for finding in findings:
        match finding.fix:
            case ("delete_webhook",):
                if await telegram.delete_webhook(api, token):
                    done.append("webhook deleted")
            case ("chmod", mode, path):
                if _close(Path(path), int(mode, 8)):
                    done.append(f"{path} has mode {mode}")
            case _:
                continue
    return done


def _close(path: Path, mode: int) -> bool:
    try:
        path.chmod(mode, follow_symlinks=True)
    except OSError:
        return False
    return True


DEADLINE_S = 25.0
_ASK_S = 10.0

Examine = Callable[[], Awaitable[list[Finding]]]


@dataclass(slots=True)
class Report:
    """Findings of all checks; `secrets` are redacted from the output."""

    findings: list[Finding] = field(default_factory=list[Finding])
    mended: list[str] = field(default_factory=list[str])
    secrets: tuple[str, ...] = ()


async def run_checks(environ: Mapping[str, str], *, is_fixing: bool) -> Report:
    """Check the installation that these variables describe; fix what is safe and check again."""
    # Their warnings are reported as findings.
    logging.disable(logging.CRITICAL)
    environ = environ_of_service(environ)
    settings, first = _settings(environ)
    report = Report(secrets=settings.secrets if settings else ())
    report.findings = [first, *await _examine(environ, settings)]
    if is_fixing and any(finding.fix for finding in report.findings):
        api = settings.telegram_api if settings else ""
        token = settings.token.get_secret_value() if settings else ""
        report.mended = await apply_fixes(report.findings, api, token)
        report.findings = [first, *await _examine(environ, settings)]
    return report


def _settings(environ: Mapping[str, str]) -> tuple[Settings | None, Finding]:
    file = environ.get("IMGBOT_ENVIRONMENT_FILE", "")
    try:
        settings = SettingsSource(environ).read()
    except ConfigError as error:
        return None, wrong("settings", str(error), _mend_of(error, environ))
    return settings, ok("settings", f"valid{f', from {file}' if file else ''}")


def _mend_of(error: ConfigError, environ: Mapping[str, str]) -> str:
    file, folder = environ.get("IMGBOT_ENVIRONMENT_FILE", ""), credentials_of_service(environ)
    if folder and error.setting in {"IMGBOT_TOKEN", *key_variables()} and error.is_missing:
        return f"sudo imgbot install, which asks for it and puts it into {folder}"
    return f"sudoedit {file}" if file else f"set {error.setting}"


async def _examine(environ: Mapping[str, str], settings: Settings | None) -> list[Finding]:
    async def look_at_files() -> list[Finding]:
        return machine.evaluate_files(await asyncio.to_thread(machine.inspect_files, environ))

    async def look_at_machine() -> list[Finding]:
        folder = settings.state_dir if settings else Path(environ.get("STATE_DIRECTORY", STATE))
        return machine.evaluate(await asyncio.to_thread(machine.inspect, folder), settings)

    parts: dict[str, Examine] = {"machine": look_at_machine, "files": look_at_files}
    if settings is not None:
        parts |= _parts_of(settings, environ)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_within(name, part)) for name, part in parts.items()]
    return [_placed(finding, environ) for task in tasks for finding in task.result()]


def _placed(finding: Finding, environ: Mapping[str, str]) -> Finding:
    """Add to a setting that is advised in which file it belongs."""
    file = environ.get("IMGBOT_ENVIRONMENT_FILE", "")
    if not file or not finding.advice.startswith("IMGBOT_"):
        return finding
    where = f"sudoedit {file}; then: sudo systemctl restart imgbot"
    return replace(finding, advice=f"{finding.advice}: {where}")


def _parts_of(settings: Settings, environ: Mapping[str, str]) -> dict[str, Examine]:
    async def look_at_bot() -> list[Finding]:
        seen = await running.inspect(settings)
        said = await telegram.ask(
            settings.telegram_api,
            settings.token.get_secret_value(),
            # Whoever runs here polls: asking, too, would take its place for a moment.
            may_poll=seen.pid is None,
        )
        found = [*running.evaluate(seen), *telegram.evaluate(said, seen.polling_trouble)]
        redis = await _redis(settings, is_running=seen.pid is not None)
        watched_at = None if seen.checks is None else seen.address
        record = await asyncio.to_thread(read_record, settings.state_dir)
        ticks = guide.evaluate(
            settings, redis.maxmemory_bytes, redis.delivered, record, watched_at=watched_at
        )
        return [*found, *redis.findings, *ticks]

    async def look_at_state() -> list[Finding]:
        return [await asyncio.to_thread(state.examine, settings.state_dir)]

    parts: dict[str, Examine] = {"state": look_at_state, "bot": look_at_bot}
    for name in settings.providers:
        parts[f"provider {name}"] = lambda name=name: _provider(settings, name, environ)
    return parts


async def _redis(settings: Settings, *, is_running: bool) -> RedisReport:
    bot_id = settings.token.get_secret_value().partition(":")[0]
    if settings.redis_url is not None:
        url = settings.redis_url.get_secret_value()
        return await queue.check_redis(url, bot_id, is_embedded=False)
    if not is_running:
        return queue.check_program(settings.redis_memory_bytes)
    url = f"unix://{socket_of(settings.state_dir)}"
    return await queue.check_redis(url, bot_id, is_embedded=True)


async def _provider(settings: Settings, name: str, environ: Mapping[str, str]) -> list[Finding]:
    key = settings.key_of(name)
    config = ProviderConfig(
        url=settings.url_of(name),
        key=key.get_secret_value() if key else "",
        deadlines=Timeouts(ask_s=_ASK_S),
    )
    variable = key_names_of(name).key
    mend = f"set {variable} anew"
    if folder := credentials_of_service(environ):
        mend = (
            f"sudo install -m 0600 /dev/stdin {folder}/{variable} (type it, Enter, Ctrl-D), "
            "then: sudo systemctl restart imgbot"
        )
    return [await providers.check_provider(name, config, variable, mend)]


def examine_provider(settings: Settings, name: str) -> Finding:
    """Check one provider without cost, for `imgbot install`."""
    part = partial(_provider, settings, name, {})
    [found] = asyncio.run(_within(f"provider {name}", part))
    return found


async def _within(name: str, part: Examine) -> list[Finding]:
    try:
        async with asyncio.timeout(DEADLINE_S):
            return await part()
    except TimeoutError:
        return [warning(name, f"not checked: no result in {DEADLINE_S:.0f} s")]
    except Exception as error:  # noqa: BLE001 -- whatever it is, the others are examined
        return [warning(name, f"could not be checked ({type(error).__name__})")]
